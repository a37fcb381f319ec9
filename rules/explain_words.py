"""What the rules saw of a home, said to staff: one line for each rule, in Korean and in English."""

from __future__ import annotations

from rules.explain import BlindSpan, HomeSeen, LevelSeen, RuleSeen
from rules.finding import Level, RuleKey
from rules.observability import Blind
from rules.sentence import LEVEL_WORDS, RULE_WORDS, say_length, say_moment
from rules.threshold import RULES as THRESHOLDS

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
    },
}
_CAUSES: dict[str, dict[Blind, str]] = {
    "ko": {
        Blind.OURSELVES: "우리 시스템 중단",
        Blind.BROKER: "브로커 연결 끊김",
        Blind.GATEWAY: "게이트웨이 끊김",
        Blind.SENSOR: "센서 응답 없음",
        Blind.NOT_COMMISSIONED: "미개통",
    },
    "en": {
        Blind.OURSELVES: "we were not running",
        Blind.BROKER: "no connection to the broker",
        Blind.GATEWAY: "the gateway was offline",
        Blind.SENSOR: "the sensor was silent",
        Blind.NOT_COMMISSIONED: "not commissioned",
    },
}


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
    lines += [f"{RULE_WORDS[lang][one.rule]}: {_rule(one, seen.at, lang)}" for one in seen.rules]
    if seen.others:
        others = ", ".join(f"{RULE_WORDS[lang][rule]} {LEVEL_WORDS[lang][level]}" for rule, level in seen.others)
        lines.append(f"{'그 밖에 발생 중' if lang == 'ko' else 'Standing besides'}: {others}.")
    return lines


def _rule(one: RuleSeen, at: int, lang: str) -> str:
    parts: list[str] = []
    if one.lacking:
        until = "" if one.since is None else say_moment(one.since, lang)
        parts.append(_LACKING[lang][one.lacking].format(until=until))
    if one.rule in THRESHOLDS:
        parts += _sample(one, lang)
    elif one.elapsed or one.levels:
        parts += _counted(one, lang)
    if one.standing is not None:
        word = LEVEL_WORDS[lang][one.standing]
        parts.append(f"{word} 발생 중" if lang == "ko" else f"{word} stands")
    parts += [_level(one, level, at, lang) for level in one.levels]
    parts += [_span(span, lang) for span in one.blind]
    return "; ".join(parts) + "."


def _counted(one: RuleSeen, lang: str) -> list[str]:
    since, elapsed, observed = say_moment(one.since or 0, lang), say_length(one.elapsed, lang), say_length(one.observed, lang)
    percent = f"{one.coverage:.0%}"
    if lang == "en":
        return [f"counts from {since}, {elapsed} ago, {observed} of it counted (observed {percent})"]
    return [f"{since}부터 {elapsed}, 그중 {observed}을 셈 (관측 {percent})"]


def _sample(one: RuleSeen, lang: str) -> list[str]:
    if one.value is None or one.sampled_at is None:
        return []
    unit = "%" if one.rule is RuleKey.HUMIDITY else "°C"
    said = f"{one.value:g}{unit}, {say_moment(one.sampled_at, lang)}, {one.device_id}"
    return [f"last sample {said}" if lang == "en" else f"마지막 측정 {said}"]


def _level(one: RuleSeen, level: LevelSeen, at: int, lang: str) -> str:
    word = LEVEL_WORDS[lang][Level(level.level)]
    limit = f"{level.limit:g}" if one.rule in THRESHOLDS else say_length(int(level.limit), lang)
    if level.reached:
        return f"{word} {limit}: " + ("넘음" if lang == "ko" else "reached")
    if level.due is None:
        # A value that does not breach is never due; a clock that stands still cannot be foreseen.
        unknown = one.rule not in THRESHOLDS
        if lang == "en":
            return f"{word} {limit}: " + ("not to be foreseen, it cannot be observed" if unknown else "not breached")
        return f"{word} {limit}: " + ("관측할 수 없어 예정 시각 없음" if unknown else "넘지 않음")
    when = say_moment(max(level.due, at), lang)
    return f"{word} {limit}: " + (f"{when}에 발생할 예정" if lang == "ko" else f"would speak at {when}")


def _span(span: BlindSpan, lang: str) -> str:
    since, cause = say_moment(span.since, lang), _CAUSES[lang][span.cause]
    if span.until is None:
        return f"{since}부터 관측 못 함 ({cause})" if lang == "ko" else f"not observed since {since} ({cause})"
    until = say_moment(span.until, lang)
    return f"{since} - {until} 관측 못 함 ({cause})" if lang == "ko" else f"not observed {since} - {until} ({cause})"
