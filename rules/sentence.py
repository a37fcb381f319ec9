"""How a finding is said to staff: one sentence with its figures, in Korean and in English."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ingest.clock import DAY, HOUR, MINUTE, SEOUL, Millis, to_datetime
from rules.finding import LATE_DATA, Evidence, Level, RuleKey, Verb
from rules.observability import Blind

LANGUAGES = ("ko", "en")

LEVEL_WORDS: dict[str, dict[Level, str]] = {
    "ko": {Level.CAUTION: "주의", Level.WARNING: "경보", Level.DANGER: "위험"},
    "en": {Level.CAUTION: "Caution", Level.WARNING: "Warning", Level.DANGER: "Danger"},
}
RULE_WORDS: dict[str, dict[RuleKey, str]] = {
    "ko": {
        RuleKey.MOTION: "활동 없음",
        RuleKey.PERSONAL: "평소보다 긴 무활동",
        RuleKey.CALL: "통화 없음",
        RuleKey.PHONE: "휴대전화 꺼짐",
        RuleKey.HEAT: "폭염",
        RuleKey.COLD: "한파",
        RuleKey.HUMIDITY: "습도",
        RuleKey.SOS: "응급 호출",
        RuleKey.SMOKE: "연기 감지",
        RuleKey.GAS: "가스 감지",
        RuleKey.CANNOT_VERIFY: "안부 확인 불가",
        RuleKey.AWAY: "귀가 지연",
        RuleKey.AWAY_MOTION: "부재 중 움직임",
        RuleKey.MOTION_PHONE: "활동 없음·휴대전화 꺼짐",
        RuleKey.HEAT_INACTIVE: "폭염 속 활동 없음",
        RuleKey.COLD_INACTIVE: "추위 속 활동 없음",
        RuleKey.TEMPERATURE_FALL: "실내 온도 급강하",
        RuleKey.FROZEN: "집 안 결빙",
        RuleKey.HELP: "도움 요청",
        RuleKey.REPORTED: "이웃 신고",
        RuleKey.OUTAGE: "통신 두절",
        RuleKey.DEVICE_SILENT: "기기 응답 없음",
        RuleKey.DEVICE_BATTERY: "배터리 부족",
        RuleKey.DEVICE_LINK: "무선 신호 약함",
        RuleKey.DEVICE_CLOCK: "기기 시각 오류",
        RuleKey.DEVICE_REJECTED: "읽을 수 없는 값",
        RuleKey.DEVICE_STUCK: "센서 고착",
        RuleKey.DEVICE_DUPLICATE: "기기 번호 중복",
        RuleKey.DEVICE_SIM: "유심·번호 변경",
        RuleKey.DEVICE_DRIFT: "기기 시각 어긋남",
        RuleKey.NOT_COMMISSIONED: "미개통",
    },
    "en": {
        RuleKey.MOTION: "No motion",
        RuleKey.PERSONAL: "Still for longer than usual",
        RuleKey.CALL: "No calls",
        RuleKey.PHONE: "Phone off",
        RuleKey.HEAT: "Heat",
        RuleKey.COLD: "Cold",
        RuleKey.HUMIDITY: "Humidity",
        RuleKey.SOS: "SOS",
        RuleKey.SMOKE: "Smoke",
        RuleKey.GAS: "Gas",
        RuleKey.CANNOT_VERIFY: "Cannot verify",
        RuleKey.AWAY: "Not back",
        RuleKey.AWAY_MOTION: "Motion while away",
        RuleKey.MOTION_PHONE: "No motion, phone off",
        RuleKey.HEAT_INACTIVE: "No motion in heat",
        RuleKey.COLD_INACTIVE: "No motion in cold",
        RuleKey.TEMPERATURE_FALL: "Temperature falling fast",
        RuleKey.FROZEN: "Home freezing",
        RuleKey.HELP: "Asked for help",
        RuleKey.REPORTED: "Reported",
        RuleKey.OUTAGE: "Outage",
        RuleKey.DEVICE_SILENT: "Device silent",
        RuleKey.DEVICE_BATTERY: "Battery low",
        RuleKey.DEVICE_LINK: "Weak radio link",
        RuleKey.DEVICE_CLOCK: "Device clock wrong",
        RuleKey.DEVICE_REJECTED: "Unreadable values",
        RuleKey.DEVICE_STUCK: "Sensor stuck",
        RuleKey.DEVICE_DUPLICATE: "Device id used twice",
        RuleKey.DEVICE_SIM: "SIM or number changed",
        RuleKey.DEVICE_DRIFT: "Device clock drifts",
        RuleKey.NOT_COMMISSIONED: "Not commissioned",
    },
}

CAUSE_WORDS: dict[str, dict[Blind, str]] = {
    "ko": {
        Blind.OURSELVES: "우리 시스템 중단",
        Blind.BROKER: "메시지 서버 연결 끊김",
        Blind.GATEWAY: "댁내 게이트웨이 연결 끊김",
        Blind.NOT_COMMISSIONED: "미개통: 한 번도 수신된 적 없음",
        Blind.SENSOR: "센서 응답 없음 또는 이상",
    },
    "en": {
        Blind.OURSELVES: "our system was not listening",
        Blind.BROKER: "no connection to the message broker",
        Blind.GATEWAY: "the home's gateway was offline",
        Blind.NOT_COMMISSIONED: "not commissioned: never heard",
        Blind.SENSOR: "the sensor was silent or cannot be believed",
    },
}

_Saying: TypeAlias = Callable[[Evidence], str]


def reason(rule: RuleKey, level: Level, evidence: Evidence, at: Millis, lang: str = "ko", *, verb: Verb = Verb.RAISED) -> str:
    """One sentence that says what was seen, for how long and against which limit; `at` is the finding's home time.

    `lang` is "ko" or "en"; another one is answered in Korean. A cleared or undetermined finding has its own wording.
    """
    english = lang == "en"
    if verb is Verb.CLEARED:
        return _cleared(rule, at, late=evidence.withdrawn == LATE_DATA, english=english)
    if verb is Verb.ALIVE:
        return _alive(at, english=english)
    if verb is Verb.UNDETERMINED:
        return _undetermined(rule, level, evidence, english=english)
    said = (_ENGLISH if english else _KOREAN)[rule](evidence)
    return said[0].upper() + said[1:] + _coverage(evidence, english=english) + _left_out(evidence, english=english) + "."


def say_length(length: Millis, lang: str = "ko") -> str:
    """A length as people say it, to the minute: "8시간 10분", "3일 4시간", "8 h 10 min"."""
    length = max(0, length)
    days, hours, minutes = length // DAY, length % DAY // HOUR, length % HOUR // MINUTE
    if days < 2:
        days, hours = 0, length // HOUR
    words = ("일", "시간", "분") if lang != "en" else (" d", " h", " min")
    parts = [(days, words[0]), (hours, words[1])] + ([(minutes, words[2])] if not days else [])
    said = " ".join(f"{count}{word}" for count, word in parts if count)
    return said or f"0{words[2]}"


def say_moment(at: Millis, lang: str = "ko") -> str:
    """The instant in Seoul: "11월 22일 17:06", "22 Nov 17:06"."""
    moment = to_datetime(at).astimezone(SEOUL)
    if lang == "en":
        return f"{moment.day} {_MONTHS[moment.month - 1]} {moment:%H:%M}"
    return f"{moment.month}월 {moment.day}일 {moment:%H:%M}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _coverage(evidence: Evidence, *, english: bool) -> str:
    if evidence.coverage >= 0.995:
        return ""
    percent, cause = f"{evidence.coverage:.0%}", say_cause(evidence.blind, "en" if english else "ko")
    if english:
        return f"; the home was observed for {percent} of it" + (f" ({cause})" if cause else "")
    return f" (그중 {percent}만 관측{', ' + cause if cause else ''})"


def _left_out(evidence: Evidence, *, english: bool) -> str:
    if not evidence.left_out:
        return ""
    if english:
        return f"; what was measured at {say_moment(evidence.left_out, 'en')} came too late to be counted"
    return f" ({say_moment(evidence.left_out)} 측정값은 너무 늦게 와서 넣지 못함)"


def say_cause(blind: str, lang: str = "ko") -> str:
    """What kept us from observing a home, in words; empty for none."""
    return CAUSE_WORDS["en" if lang == "en" else "ko"][Blind(blind)] if blind else ""


def _cleared(rule: RuleKey, at: Millis, *, late: bool, english: bool) -> str:
    if late and english:
        return f"{RULE_WORDS['en'][rule]}: withdrawn at {say_moment(at, 'en')}, late data shows that it did not hold."
    if late:
        return f"늦게 도착한 자료로 {RULE_WORDS['ko'][rule]} 판정이 사실이 아니었음이 확인되어 {say_moment(at)}에 철회했습니다."
    if english:
        return f"{RULE_WORDS['en'][rule]}: no longer so since {say_moment(at, 'en')}."
    return f"{RULE_WORDS['ko'][rule]} 상태가 {say_moment(at)}에 풀렸습니다."


def _alive(at: Millis, *, english: bool) -> str:
    if english:
        return f"Two signs of life by {say_moment(at, 'en')}."
    return f"{say_moment(at)}까지 두 차례 기척이 있었습니다."


def _undetermined(rule: RuleKey, level: Level, evidence: Evidence, *, english: bool) -> str:
    if rule in (RuleKey.HEAT, RuleKey.COLD, RuleKey.HUMIDITY, RuleKey.TEMPERATURE_FALL, RuleKey.FROZEN):
        unit = "%" if rule is RuleKey.HUMIDITY else "°C"
        if english:
            return f"The sensor has said nothing since {evidence.value:.1f}{unit}; whether it still holds could not be observed."
        return f"센서가 {evidence.value:.1f}{unit}를 마지막으로 알린 뒤 응답이 없어 그 뒤는 관측할 수 없었습니다."
    elapsed, limit = _lengths(evidence, "en" if english else "ko")
    if english:
        word = LEVEL_WORDS["en"][level].lower()
        return f"{elapsed} without a sign of life, past the limit of {limit} ({word}), but the home could not be observed" + (
            f"; it was for {evidence.coverage:.0%} of that time."
        )
    return (
        f"{elapsed}째 확인되지 않아 {LEVEL_WORDS['ko'][level]} 기준 {limit}을 넘겼으나 그동안 집을 관측할 수 없었습니다"
        f" (관측 {evidence.coverage:.0%})."
    )


def _lengths(evidence: Evidence, lang: str) -> tuple[str, str]:
    return say_length(int(evidence.value), lang), say_length(int(evidence.limit), lang)


def _absent(korean: bool, text: str) -> _Saying:
    def say(evidence: Evidence) -> str:
        elapsed, limit = _lengths(evidence, "ko" if korean else "en")
        return text.format(elapsed=elapsed, limit=limit, since=say_moment(evidence.since, "ko" if korean else "en"))

    return say


def _measured(text: str, above: str, below: str) -> _Saying:
    """`above` and `below` are the words for the side of the limit on which the value lies."""

    def say(evidence: Evidence) -> str:
        korean = above == "이상" or above == "초과"
        return text.format(
            value=f"{evidence.value:.1f}",
            limit=f"{evidence.limit:.1f}",
            dwell=say_length(evidence.dwell, "ko" if korean else "en"),
            side=above if evidence.value >= evidence.limit else below,
        )

    return say


def _at(korean: bool, text: str) -> _Saying:
    def say(evidence: Evidence) -> str:
        return text.format(since=say_moment(evidence.since, "ko" if korean else "en"))

    return say


def _counted(text: str) -> _Saying:
    def say(evidence: Evidence) -> str:
        return text.format(value=f"{evidence.value:.0f}", limit=f"{evidence.limit:.0f}")

    return say


def _unusual(korean: bool) -> _Saying:
    """Against the home's own past, or, where that is not known yet, against other homes."""

    def say(evidence: Evidence) -> str:
        lang = "ko" if korean else "en"
        elapsed, limit = _lengths(evidence, lang)
        usual = say_length(evidence.usual, lang)
        if korean:
            known = f"평소 이 시간대 무활동은 길어야 {usual}인데 {elapsed}째입니다"
            return known if evidence.usual else f"집 안에서 {elapsed}째 움직임이 없습니다 (이 시간대 다른 가구의 기준 {limit})"
        if evidence.usual:
            return f"at this time of day the home is usually still for {usual} at most, now for {elapsed}"
        return f"no motion at home for {elapsed} (limit of other homes at this time of day {limit})"

    return say


_KOREAN: dict[RuleKey, _Saying] = {
    RuleKey.MOTION: _absent(True, "집 안에서 {elapsed}째 움직임이 없습니다 (기준 {limit})"),
    RuleKey.PERSONAL: _unusual(True),
    RuleKey.CALL: _absent(True, "{elapsed}째 받거나 건 전화가 없습니다 (기준 {limit})"),
    RuleKey.PHONE: _absent(True, "휴대전화가 {elapsed}째 꺼져 있거나 연결되지 않습니다 (기준 {limit})"),
    RuleKey.CANNOT_VERIFY: _absent(True, "{since} 이후 {elapsed}째 안부를 확인할 수 없습니다 (기준 {limit})"),
    RuleKey.AWAY: _absent(True, "돌아오기로 한 시각({since})에서 {elapsed}이 지났으나 기척이 없습니다 (기준 {limit})"),
    RuleKey.AWAY_MOTION: _at(True, "부재로 등록된 집에서 {since}에 움직임이 감지되었습니다"),
    RuleKey.MOTION_PHONE: _absent(True, "{elapsed}째 집 안에 움직임이 없고 휴대전화도 꺼져 있습니다 (한 단계 올림)"),
    RuleKey.HEAT_INACTIVE: _absent(True, "폭염 상태인 집에서 {elapsed}째 움직임이 없습니다 (기준 {limit}, 한 단계 올림)"),
    RuleKey.COLD_INACTIVE: _absent(True, "추운 집에서 {elapsed}째 움직임이 없습니다 (기준 {limit}, 한 단계 올림)"),
    RuleKey.TEMPERATURE_FALL: _measured(
        "실내 온도가 최근 한 시간 남짓 사이 {value}°C 떨어져, {limit}°C {side} 떨어진 상태가 {dwell} 이상 이어졌습니다",
        "이상",
        "미만",
    ),
    RuleKey.FROZEN: _measured("실내 온도가 {value}°C로, {limit}°C {side}인 상태가 {dwell} 이상 이어졌습니다", "이상", "미만"),
    RuleKey.HEAT: _measured(
        "실내 온도(체감 포함)가 {value}°C로, {limit}°C {side}인 상태가 {dwell} 이상 이어졌습니다", "이상", "미만"
    ),
    RuleKey.COLD: _measured("실내 온도가 {value}°C로, {limit}°C {side}인 상태가 {dwell} 이상 이어졌습니다", "이상", "미만"),
    RuleKey.HUMIDITY: _measured("실내 습도가 {value}%로, {limit}% {side}인 상태가 {dwell} 이상 이어졌습니다", "초과", "미만"),
    RuleKey.SOS: _at(True, "{since}에 응급 호출 단추가 눌렸습니다"),
    RuleKey.SMOKE: _at(True, "{since}에 연기가 감지되었습니다"),
    RuleKey.GAS: _at(True, "{since}에 가스가 감지되었습니다"),
    RuleKey.HELP: _at(True, "{since}에 자동 전화를 받고 도움이 필요하다고 했습니다"),
    RuleKey.REPORTED: _at(True, "{since}에 이웃이 안부가 걱정된다고 알렸습니다"),
    RuleKey.OUTAGE: _counted("한꺼번에 통신이 끊겼습니다: {limit}곳 가운데 {value}곳"),
    RuleKey.DEVICE_SILENT: _absent(True, "기기가 {elapsed}째 응답이 없습니다 (기준 {limit})"),
    RuleKey.DEVICE_BATTERY: _counted("배터리가 {value}% 남았습니다 (기준 {limit}% 미만)"),
    RuleKey.DEVICE_LINK: _counted("무선 신호가 {value}%로 약합니다 (기준 {limit}% 미만)"),
    RuleKey.DEVICE_CLOCK: _counted("한 시간 안에 시각이 맞지 않는 측정값이 {value}건 왔습니다 (기준 {limit}건)"),
    RuleKey.DEVICE_REJECTED: _counted("한 시간 안에 읽을 수 없는 값이 {value}건 왔습니다 (기준 {limit}건)"),
    RuleKey.DEVICE_STUCK: _absent(True, "센서가 {elapsed}째 사람이 낼 수 없는 값을 보내 믿을 수 없습니다 (기준 {limit})"),
    RuleKey.DEVICE_DUPLICATE: _counted(
        "한 시간 안에 일련번호가 뒤섞인 메시지가 {value}건 왔습니다: 같은 번호를 쓰는 기기가 둘입니다 (기준 {limit}건)"
    ),
    RuleKey.DEVICE_DRIFT: _absent(True, "기기의 시계가 {elapsed} 넘게 어긋나 있습니다 (기준 {limit})"),
    RuleKey.DEVICE_SIM: _at(True, "{since}부터 휴대전화의 유심 또는 번호가 등록할 때와 다릅니다"),
    RuleKey.NOT_COMMISSIONED: _absent(True, "등록한 지 {elapsed}이 지났으나 이 가구에서 온 측정값이 없습니다 (기준 {limit})"),
}
_ENGLISH: dict[RuleKey, _Saying] = {
    RuleKey.MOTION: _absent(False, "no motion at home for {elapsed} (limit {limit})"),
    RuleKey.PERSONAL: _unusual(False),
    RuleKey.CALL: _absent(False, "no call answered or dialled for {elapsed} (limit {limit})"),
    RuleKey.PHONE: _absent(False, "the phone has been off or unreachable for {elapsed} (limit {limit})"),
    RuleKey.CANNOT_VERIFY: _absent(False, "no sign of life since {since}, {elapsed} ago (limit {limit})"),
    RuleKey.AWAY: _absent(False, "expected back at {since}, {elapsed} ago, and not heard since (limit {limit})"),
    RuleKey.AWAY_MOTION: _at(False, "motion was seen at {since} in a home whose resident is declared away"),
    RuleKey.MOTION_PHONE: _absent(False, "no motion at home for {elapsed}, and the phone is off (one level up)"),
    RuleKey.HEAT_INACTIVE: _absent(False, "no motion for {elapsed} in a home in heat (limit {limit}, one level up)"),
    RuleKey.COLD_INACTIVE: _absent(False, "no motion for {elapsed} in a cold home (limit {limit}, one level up)"),
    RuleKey.TEMPERATURE_FALL: _measured(
        "indoor temperature fell by {value}°C within about an hour, {side} {limit}°C for {dwell} or more", "at or above", "below"
    ),
    RuleKey.FROZEN: _measured("indoor temperature is {value}°C, {side} {limit}°C for {dwell} or more", "at or above", "below"),
    RuleKey.HEAT: _measured(
        "indoor temperature (air or felt) is {value}°C, {side} {limit}°C for {dwell} or more", "at or above", "below"
    ),
    RuleKey.COLD: _measured("indoor temperature is {value}°C, {side} {limit}°C for {dwell} or more", "at or above", "below"),
    RuleKey.HUMIDITY: _measured("indoor humidity is {value}%, {side} {limit}% for {dwell} or more", "above", "below"),
    RuleKey.SOS: _at(False, "the SOS button was pressed at {since}"),
    RuleKey.SMOKE: _at(False, "smoke was detected at {since}"),
    RuleKey.GAS: _at(False, "gas was detected at {since}"),
    RuleKey.HELP: _at(False, "asked for help at {since}, answering an automatic call"),
    RuleKey.REPORTED: _at(False, "a neighbour reported concern at {since}"),
    RuleKey.OUTAGE: _counted("{value} of {limit} homes fell silent at once"),
    RuleKey.DEVICE_SILENT: _absent(False, "the device has been silent for {elapsed} (limit {limit})"),
    RuleKey.DEVICE_BATTERY: _counted("the battery is at {value}% (limit {limit}%)"),
    RuleKey.DEVICE_LINK: _counted("the radio link is at {value}% (limit {limit}%)"),
    RuleKey.DEVICE_CLOCK: _counted("{value} wrongly dated readings within an hour (limit {limit})"),
    RuleKey.DEVICE_REJECTED: _counted("{value} unreadable values within an hour (limit {limit})"),
    RuleKey.DEVICE_STUCK: _absent(
        False, "for {elapsed} the sensor has told what no home does; it is not believed (limit {limit})"
    ),
    RuleKey.DEVICE_DUPLICATE: _counted(
        "{value} messages within an hour whose numbers run backwards: two devices use this id (limit {limit})"
    ),
    RuleKey.DEVICE_DRIFT: _absent(False, "the device's clock is off by more than {elapsed} (limit {limit})"),
    RuleKey.DEVICE_SIM: _at(False, "since {since} the phone's SIM card or number is not the one it was enrolled with"),
    RuleKey.NOT_COMMISSIONED: _absent(False, "enrolled {elapsed} ago and never heard (limit {limit})"),
}
