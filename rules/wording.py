"""A rule table in words: what holds for whom, and what another table would change."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.clock import MINUTE, Millis
from rules.finding import Level, RuleKey
from rules.lengths import parse_length, write_length
from rules.limits import ABSENCES, LEVEL_KEYS, STILLNESS, Breach, Channel, Limits, Threshold
from rules.profile import Profile
from rules.sections import SIGNALS
from rules.sentence import LEVEL_WORDS, RULE_WORDS, say_length
from rules.table import DEFAULT, RuleTable

_SECTIONS: dict[str, dict[str, str]] = {
    "ko": {
        "cannot_verify_excused": "안부 확인 불가 (외출 추정·통신 두절)",
        "dry": "건조",
        "damp": "다습",
        "samples": "측정값",
        "life": "생활 신호",
        "device": "기기",
        "grade": "위험군",
        "season": "계절",
        "high": "고위험군",
        "elevated": "중위험군",
        "ordinary": "일반군",
        "heatwave": "폭염",
        "coldwave": "한파",
        "trend": "추세",
    },
    "en": {
        "cannot_verify_excused": "Cannot verify (away inferred, outage)",
        "dry": "Dry air",
        "damp": "Damp air",
        "samples": "Samples",
        "life": "Signs of life",
        "device": "Devices",
        "grade": "Grade",
        "season": "Season",
        "high": "high",
        "elevated": "elevated",
        "ordinary": "ordinary",
        "heatwave": "heat wave",
        "coldwave": "cold wave",
        "trend": "Trends",
    },
}
_KEYS: dict[str, dict[str, str]] = {
    "ko": {"raise_at": "발생", "clear_at": "해제", "dwell": "지속", "active": "시간대", "factor": "배율", "version": "이름"},
    "en": {"raise_at": "raised at", "clear_at": "cleared at", "dwell": "for", "active": "hours", "factor": "factor"},
}
_UNITS = {"temperature": "°C", "humidity": "%"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule of a table in words: its name, what each level needs ("-" where there is none), and its active hours."""

    rule: str
    name: str
    levels: tuple[str, str, str]
    hours: str = ""


def limit_rows(table: RuleTable, profile: Profile, lang: str = "ko") -> list[Row]:
    """The limits of a profile, in the order of the rule file."""
    rows = [
        Row(rule=one, name=section_name(one, lang), levels=_measured(rule, one, lang), hours=_hours(table, one))
        for one, rule in profile.thresholds.items()
    ]
    for rule in ABSENCES:
        absent = _absent(profile.absence.of(rule), lang)
        rows.append(Row(rule=rule, name=section_name(rule, lang), levels=absent, hours=_hours(table, rule)))
    for rule, limit in profile.inactive.items():
        rows.append(Row(rule=rule, name=section_name(rule, lang), levels=(_length(limit, lang), "-", "-")))
    return rows


def other_lines(table: RuleTable) -> list[str]:
    """What else the table says, as it is written: everything but the limits of everybody."""
    shown = {*ABSENCES, *Channel, *STILLNESS}
    return [f"{path} = {value}" for path, value in settings(table.text).items() if path.split(".")[0] not in shown]


def differences(before: RuleTable, after: RuleTable, lang: str = "ko") -> list[str]:
    """One line for each value that differs; where it says how soon somebody is told, whether that is sooner or later."""
    old, new = settings(before.text), settings(after.text)
    lines = []
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) != new.get(path) and path != "version":
            there, then = _value(old.get(path), lang), _value(new.get(path), lang)
            lines.append(f"{path_name(path, lang)}: {there} → {then}{_direction(after, path, old, new, lang)}")
    return lines


def settings(text: str) -> dict[str, Any]:
    """Every value of a table by its dotted path, missing sections from the shipped default."""
    default = {key: one for key, one in tomllib.loads(DEFAULT.read_text(encoding="utf-8")).items() if isinstance(one, dict)}
    return dict(_flat({**default, **tomllib.loads(text)}, ""))


def section_name(section: str, lang: str = "ko") -> str:
    """What a section of the file is called."""
    return RULE_WORDS[lang][RuleKey(section)] if section in tuple(RuleKey) else _SECTIONS[lang].get(section, section)


def path_name(path: str, lang: str = "ko") -> str:
    """A dotted path in words: "motion.caution" is "활동 없음 주의"."""
    words = []
    for part in path.split("."):
        if part in LEVEL_KEYS:
            words.append(LEVEL_WORDS[lang][Level(LEVEL_KEYS.index(part) + 1)])
        else:
            words.append(_KEYS[lang].get(part) or section_name(part, lang))
    return " ".join(words)


def _flat(data: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(value: object, lang: str) -> str:
    if value is None:
        return "없음" if lang == "ko" else "none"
    if isinstance(value, str):
        try:
            return _length(parse_length(value), lang)
        except ValueError:
            return value
    return f"{value:g}" if isinstance(value, float) else str(value)


def _length(length: Millis, lang: str) -> str:
    return say_length(length, lang) if length >= MINUTE else write_length(length)


def _direction(after: RuleTable, path: str, old: Mapping[str, Any], new: Mapping[str, Any], lang: str) -> str:
    """Whether somebody is told sooner or later by it; nothing where that cannot be said of one value."""
    was, will = old.get(path), new.get(path)
    parts = path.split(".")
    if was is None or will is None:
        return ""
    if parts[-1] == "raise_at" and parts[-3] in tuple(Channel):
        sooner = will < was if after.thresholds[Channel(parts[-3])].breach is not Breach.BELOW else will > was
    elif parts[-1] in ("dwell", "inactive") or (parts[-1] in LEVEL_KEYS and isinstance(was, str) and isinstance(will, str)):
        sooner = parse_length(will) < parse_length(was)
    elif parts[-1] == "factor":
        sooner = will < was
    else:
        return ""
    words = ("더 일찍", "더 늦게") if lang == "ko" else ("sooner", "later")
    return f" ({words[0] if sooner else words[1]})"


def _absent(limits: Limits, lang: str) -> tuple[str, str, str]:
    said = ["-" if one is None else _length(one, lang) for one in limits]
    return (said[0], said[1], said[2])


def _measured(rule: Threshold, channel: Channel, lang: str) -> tuple[str, str, str]:
    ko = {Breach.AT_OR_ABOVE: "이상", Breach.ABOVE: "초과", Breach.BELOW: "미만"}
    en = {Breach.AT_OR_ABOVE: "≥ ", Breach.ABOVE: "> ", Breach.BELOW: "< "}
    before, after = (en[rule.breach], ",") if lang == "en" else ("", " " + ko[rule.breach])
    said = [
        "-" if one is None else f"{before}{one.raise_at:g}{_UNITS[SIGNALS[channel]]}{after} {_length(one.dwell, lang)}"
        for one in rule.levels
    ]
    return (said[0], said[1], said[2])


def _hours(table: RuleTable, section: str) -> str:
    hours = table.hours.get(section)
    return "" if hours is None else str(hours)
