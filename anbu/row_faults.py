"""What is wrong with a row of a table that was brought in, in the operator's language: what would be right, where it helps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anbu.language import say
from ingest.calls import Outcome
from ingest.register.home_file import COLUMNS, CellFault, Fault

FAULTS: Mapping[Fault, tuple[str, str]] = MappingProxyType(
    {
        Fault.MISSING: ("비어 있습니다", "is empty"),
        Fault.BAD_ID: ("영문 소문자, 숫자, - 로 1~32자여야 합니다", "must be 1 to 32 of a-z, 0-9 and -"),
        Fault.UNKNOWN_DONG: ("없는 동입니다 → anbu dong add", "no such dong → anbu dong add"),
        Fault.BAD_GRADE: ("고위험군, 중위험군, 일반군 가운데 하나여야 합니다", "must be one of high, elevated, ordinary"),
        Fault.BAD_PHONE: ("전화번호가 아닙니다", "is no phone number"),
        Fault.BAD_YEAR: ("네 자리 출생연도여야 합니다", "must be a year of birth in four digits"),
        Fault.BAD_SIGNAL: ("모르는 신호입니다 (예: 움직임, 문, 온도)", "no such signal (motion, door, temperature ...)"),
        Fault.BAD_INTERVAL: ("초를 나타내는 정수여야 합니다", "must be whole seconds"),
        Fault.TOO_LONG: ("너무 깁니다", "is too long"),
        Fault.TWICE_IN_FILE: ("이 파일에 두 번 나옵니다", "stands in this file twice"),
        Fault.ALREADY_THERE: ("이미 등록되어 있습니다", "is enrolled already"),
        Fault.STANDS_ELSEWHERE: ("다른 가구에 있습니다 → anbu device move", "stands in another household → anbu device move"),
    }
)

OUTCOMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType(
    {
        Outcome.MATCHED: ("맞음", "matched"),
        Outcome.NO_HOUSEHOLD: ("이 번호의 대상자가 없습니다", "nobody who is looked after has this number"),
        Outcome.SEVERAL_HOUSEHOLDS: ("이 번호의 대상자가 여럿입니다", "more than one household has this number"),
        Outcome.BAD_PHONE: ("전화번호도 해시도 아니거나 둘 다입니다", "neither a number nor a hash, or both"),
        Outcome.BAD_COUNT: (
            "수신, 발신, 부재중은 0 이상의 정수, 하나는 있어야 합니다",
            "in, out, missed: whole numbers, at least one",
        ),
        Outcome.BAD_TIME: ("마지막 통화를 읽을 수 없거나 앞날입니다", "the last call cannot be read, or lies ahead"),
        Outcome.NO_TIME: ("마지막 통화 시각이 없습니다", "calls without the time of the last one prove nothing"),
    }
)


def wrong_cell(one: CellFault) -> str:
    """The column and what is wrong in it."""
    return f"{say(COLUMNS[one.column][0], one.column)}: {say(*FAULTS[one.fault])}"


def outcome(one: Outcome) -> str:
    """What became of a call record."""
    return say(*OUTCOMES[one])
