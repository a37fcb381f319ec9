"""A note on a home's weeks in one sentence with its figures, in Korean and in English."""

from __future__ import annotations

from rules.trend import Measure, TrendNote
from rules.trend_days import PAST, RECENT

_KOREAN: dict[Measure, tuple[str, str, str]] = {  # where it went up, and where down, in the place of {moved}
    Measure.ACTIVITY: (
        "지난 1주 하루 활동 시간이 평균 {recent}시간으로, 그 전 4주의 {past}시간보다 {moved}",
        "늘었습니다",
        "줄었습니다",
    ),
    Measure.NIGHT_WAKING: (
        "지난 1주 밤(0-5시) 기척이 하루 평균 {recent}회로, 그 전 4주의 {past}회보다 {moved}",
        "늘었습니다",
        "줄었습니다",
    ),
    Measure.OUTINGS: ("지난 1주 외출이 하루 평균 {recent}회로, 그 전 4주의 {past}회보다 {moved}", "늘었습니다", "줄었습니다"),
    Measure.SLEEP: (
        "지난 1주 잠의 가운데 시각이 {recent} 무렵으로, 그 전 4주의 {past}보다 {moved}",
        "{by}시간 늦어졌습니다",
        "{by}시간 빨라졌습니다",
    ),
}
_ENGLISH: dict[Measure, tuple[str, str, str]] = {
    Measure.ACTIVITY: ("Active for {recent} h a day in the last week, {moved} from {past} h in the four before", "up", "down"),
    Measure.NIGHT_WAKING: (
        "Up {recent} times a night (00-05) in the last week, {moved} from {past} in the four before",
        "up",
        "down",
    ),
    Measure.OUTINGS: ("Out {recent} times a day in the last week, {moved} from {past} in the four before", "up", "down"),
    Measure.SLEEP: (
        "The middle of sleep was about {recent} in the last week, {moved} than in the four before ({past})",
        "{by} h later",
        "{by} h earlier",
    ),
}


def trend_sentence(note: TrendNote, lang: str = "ko") -> str:
    """What the last week was like, and the four before it; another language than "en" is answered in Korean."""
    text, up, down = (_ENGLISH if lang == "en" else _KOREAN)[note.measure]
    say = _clock if note.measure is Measure.SLEEP else _figure
    moved = (up if note.recent > note.past else down).format(by=_figure(abs(note.recent - note.past)))
    said = text.format(recent=say(note.recent), past=say(note.past), moved=moved)
    if (note.recent_days, note.past_days) == (RECENT, PAST):
        return f"{said}."
    known = "days observed" if lang == "en" else "관측한 날"
    return f"{said} ({known} {note.recent_days}/{RECENT}, {note.past_days}/{PAST})."


def _figure(value: float) -> str:
    return f"{value:.1f}"


def _clock(hours: float) -> str:
    """Hours after 18:00 as a time of day."""
    minutes = round(hours * 60) + 18 * 60
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
