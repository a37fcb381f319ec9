"""What the rules saw of a home, said to staff: one line for each rule, in Korean and in English."""

from __future__ import annotations

from rules.dwell import RULES as THRESHOLDS
from rules.finding import DEVICE, Level, RuleKey
from rules.seen import BlindSpan, HomeSeen, LevelSeen, RuleSeen
from rules.sentence import LEVEL_WORDS, RULE_WORDS, say_cause, say_length, say_moment

_LACKING: dict[str, dict[str, str]] = {
    "ko": {
        "no_sensor": "이 신호를 보내는 기기가 없어 평가하지 않았습니다",
        "never_heard": "아직 이 가구에서 온 측정값이 없어 셀 수 없었습니다",
        "away_inferred": "문이 열린 뒤 기척이 없어 외출로 보고 세지 않았습니다",
        "away_declared": "등록된 부재 중이라 {until}부터 셉니다",
        "phone_on": "휴대전화가 켜져 있어 세지 않았습니다",
        "not_away": "등록된 부재가 없습니다",
        "back": "돌아온 뒤 기척이 있었습니다",
        "not_used": "쓰지 않는 규칙입니다",
        "backlog": "통신이 돌아온 직후라 밀린 값을 기다리고 있었습니다",
        "no_sample": "온습도 측정값이 없습니다",
        "stale": "마지막 측정값이 오래되어 지금 상태를 알 수 없었습니다",
        "needs_motion": "활동 없음이 발생하지 않았습니다",
        "needs_phone": "휴대전화 꺼짐이 발생하지 않았습니다",
        "needs_both": "활동 없음도 휴대전화 꺼짐도 발생하지 않았습니다",
        "needs_heat": "폭염이 발생하지 않았습니다",
        "needs_cold": "한파가 발생하지 않았습니다",
        "nobody_moved": "부재 등록 뒤 움직임이 없습니다",
        "none_heard": "처리할 신호가 온 적이 없습니다",
        "could_not_hear": "지금 관측할 수 없어 신호가 있어도 알 수 없었습니다",
        "heard": "측정값이 온 적이 있어 개통된 가구입니다",
        "speaks_only": "일이 있을 때만 보내는 기기라 세지 않습니다",
        "never_told": "기기가 알린 적이 없습니다",
        "nothing_to_stick": "움직임도 온도도 보내지 않았습니다",
        "no_card": "유심을 알리는 기기가 아닙니다",
    },
    "en": {
        "no_sensor": "not evaluated: no device gives this signal",
        "never_heard": "could not count: nothing has been heard of this home yet",
        "away_inferred": "not counted: a door and nothing after it, taken as away",
        "away_declared": "declared away; it counts from {until} on",
        "phone_on": "not counted: the phone is on",
        "not_away": "no absence is declared",
        "back": "a sign of life since the return time",
        "not_used": "this rule is not used",
        "backlog": "just heard again: it was waiting for what had been queued",
        "no_sample": "no temperature or humidity has been heard",
        "stale": "the last sample is old: how it is now could not be known",
        "needs_motion": "no motion does not stand",
        "needs_phone": "phone off does not stand",
        "needs_both": "neither no motion nor phone off stands",
        "needs_heat": "heat does not stand",
        "needs_cold": "cold does not stand",
        "nobody_moved": "nobody has moved since the absence was declared",
        "none_heard": "no such signal has come that is not settled",
        "could_not_hear": "it cannot be observed now: a signal would not have been heard",
        "heard": "the home has been heard and is commissioned",
        "speaks_only": "not counted: the device speaks only when something happens",
        "never_told": "the device has never told it",
        "nothing_to_stick": "it has told neither motion nor temperature",
        "no_card": "the device does not tell of a SIM card",
    },
}
_UNITS: dict[RuleKey, str | tuple[str, str]] = {
    RuleKey.HUMIDITY: "%",
    RuleKey.DEVICE_BATTERY: "%",
    RuleKey.DEVICE_LINK: "%",
    RuleKey.DEVICE_CLOCK: ("건", " readings"),
    RuleKey.DEVICE_REJECTED: ("건", " messages"),
    RuleKey.DEVICE_DUPLICATE: ("건", " messages"),
}
_AT_ONCE = frozenset({RuleKey.SOS, RuleKey.SMOKE, RuleKey.GAS, RuleKey.AWAY_MOTION, RuleKey.DEVICE_SIM})


def explain_lines(seen: HomeSeen, lang: str = "ko") -> list[str]:
    """The answer as lines; the first says for whom and when."""
    lang = lang if lang == "en" else "ko"
    moment = say_moment(seen.at, lang)
    seasons = ", ".join(seen.seasons)
    if lang == "en":
        extra = (f", season {seasons}" if seasons else "") + (", limits of its own" if seen.own_limits else "")
        lines = [f"{seen.household_id} as the rules saw it at {moment} (grade {seen.grade}{extra}, table {seen.rule_version})."]
    else:
        extra = (f", 계절 {seasons}" if seasons else "") + (", 가구별 기준 있음" if seen.own_limits else "")
        lines = [f"{moment} 현재 규칙이 본 {seen.household_id} (위험군 {seen.grade}{extra}, 기준표 {seen.rule_version})."]
    return [*lines, *(f"{_name(one, lang)}: {_rule(one, seen.at, lang)}" for one in seen.rules)]


def _name(one: RuleSeen, lang: str) -> str:
    word = RULE_WORDS[lang][one.rule]
    return f"{one.device_id} {word}" if one.rule in DEVICE and one.device_id is not None else word


def _rule(one: RuleSeen, at: int, lang: str) -> str:
    parts: list[str] = []
    if one.lacking:
        until = "" if one.since is None else say_moment(one.since, lang)
        parts.append(_LACKING[lang][one.lacking].format(until=until))
    if one.value is not None:
        parts += _sample(one, lang)
    elif one.since is not None and (one.elapsed or one.levels):
        parts += _counted(one, lang)
    if one.standing is not None:
        word = LEVEL_WORDS[lang][one.standing]
        parts.append(f"{word} 발생 중" if lang == "ko" else f"{word} stands")
    parts += [_level(one, level, at, lang) for level in one.levels]
    parts += [_span(span, lang) for span in one.blind]
    return "; ".join(parts) + "."


def _counted(one: RuleSeen, lang: str) -> list[str]:
    if not any(level.limit for level in one.levels):
        return [f"since {say_moment(one.since or 0, lang)}" if lang == "en" else f"{say_moment(one.since or 0, lang)}부터"]
    since, elapsed, observed = say_moment(one.since or 0, lang), say_length(one.elapsed, lang), say_length(one.observed, lang)
    percent = f"{one.coverage:.0%}"
    if lang == "en":
        return [f"counts from {since}, {elapsed} ago, {observed} of it counted (observed {percent})"]
    return [f"{since}부터 {elapsed}, 그중 {observed}을 셈 (관측 {percent})"]


def _sample(one: RuleSeen, lang: str) -> list[str]:
    """The value it goes by, with the sensor of a threshold and the time where it has one."""
    said = _figure(one.rule, one.value or 0.0, lang)
    if one.rule in THRESHOLDS:
        said = f"{said}, {say_moment(one.sampled_at or 0, lang)}, {one.device_id}"
        return [f"last sample {said}" if lang == "en" else f"마지막 측정 {said}"]
    if one.sampled_at is not None:
        moment = say_moment(one.sampled_at, lang)
        said += f", the last at {moment}" if lang == "en" else f", 마지막 {moment}"
    return [f"now {said}" if lang == "en" else f"지금 {said}"]


def _level(one: RuleSeen, level: LevelSeen, at: int, lang: str) -> str:
    word = LEVEL_WORDS[lang][Level(level.level)]
    limit = f" {_limit(one.rule, level.limit, lang)}" if level.limit else ""
    if level.reached:
        return f"{word}{limit}: " + ("넘음" if lang == "ko" else "reached")
    if level.due is None:
        return f"{word}{limit}: " + _not_foreseen(one, lang)
    when = say_moment(max(level.due, at), lang)
    return f"{word}{limit}: " + (f"{when}에 발생할 예정" if lang == "ko" else f"would speak at {when}")


def _not_foreseen(one: RuleSeen, lang: str) -> str:
    """A value that does not breach is never due; what waits for an event speaks with it; a clock that stands still, never."""
    if one.rule in _AT_ONCE:
        return "그때 바로 발생" if lang == "ko" else "would speak at once when it comes"
    if one.rule in THRESHOLDS and one.lacking == "stale" and one.since is not None:
        return "관측할 수 없어 예정 시각 없음" if lang == "ko" else "not to be foreseen, it cannot be observed"
    if one.rule in THRESHOLDS or one.value is not None or one.lacking == "never_told" or one.rule is RuleKey.DEVICE_STUCK:
        return "넘지 않음" if lang == "ko" else "not breached"
    if one.lacking.startswith("needs_"):
        return "그 규칙이 발생하면 함께 판단" if lang == "ko" else "to be judged when that stands"
    return "관측할 수 없어 예정 시각 없음" if lang == "ko" else "not to be foreseen, it cannot be observed"


def _limit(rule: RuleKey, limit: float, lang: str) -> str:
    if rule in THRESHOLDS:
        return f"{limit:g}"
    return _figure(rule, limit, lang) if rule in _UNITS else say_length(int(limit), lang)


def _figure(rule: RuleKey, value: float, lang: str) -> str:
    """In the unit of the rule."""
    if rule is RuleKey.DEVICE_SIM:
        return ("바뀜" if value else "그대로") if lang == "ko" else ("changed" if value else "the same card")
    if rule is RuleKey.DEVICE_DRIFT:
        return say_length(int(abs(value)), lang)
    unit = _UNITS.get(rule, "°C")
    return f"{value:g}{unit[lang == 'en'] if isinstance(unit, tuple) else unit}"


def _span(span: BlindSpan, lang: str) -> str:
    since, cause = say_moment(span.since, lang), say_cause(span.cause, lang)
    if span.until is None:
        return f"{since}부터 관측 못 함 ({cause})" if lang == "ko" else f"not observed since {since} ({cause})"
    until = say_moment(span.until, lang)
    return f"{since} - {until} 관측 못 함 ({cause})" if lang == "ko" else f"not observed {since} - {until} ({cause})"
