"""What the rules say: a finding with its evidence."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from ingest.clock import Millis
from ingest.reading import DeviceId, DongCode, HouseholdId


class Level(IntEnum):
    """How grave: 주의, 경보, 위험."""

    CAUTION = 1
    WARNING = 2
    DANGER = 3


class RuleKey(StrEnum):
    """The rows of the default table, then what is said of devices."""

    MOTION = "motion"
    PERSONAL = "personal"
    CALL = "call"
    PHONE = "phone"
    HEAT = "heat"
    COLD = "cold"
    HUMIDITY = "humidity"
    SOS = "sos"
    SMOKE = "smoke"
    GAS = "gas"
    CANNOT_VERIFY = "cannot_verify"
    AWAY = "away"
    AWAY_MOTION = "away_motion"
    MOTION_PHONE = "motion_phone"
    HEAT_INACTIVE = "heat_inactive"
    COLD_INACTIVE = "cold_inactive"
    TEMPERATURE_FALL = "temperature_fall"
    FROZEN = "frozen"
    HELP = "help"  # the resident asked for it when a machine called; raised by the desk, not by the rules
    REPORTED = "reported"  # somebody worries about a neighbour; likewise
    OUTAGE = "outage"  # many gateways of one place, or our own link, are silent; likewise
    DEVICE_SILENT = "device_silent"
    DEVICE_BATTERY = "device_battery"
    DEVICE_LINK = "device_link"
    DEVICE_CLOCK = "device_clock"
    DEVICE_REJECTED = "device_rejected"
    DEVICE_STUCK = "device_stuck"
    DEVICE_DUPLICATE = "device_duplicate"
    DEVICE_SIM = "device_sim"
    DEVICE_DRIFT = "device_drift"
    NOT_COMMISSIONED = "not_commissioned"


ABSENCE = frozenset({RuleKey.MOTION, RuleKey.PERSONAL, RuleKey.CALL, RuleKey.PHONE, RuleKey.CANNOT_VERIFY, RuleKey.AWAY})
DEVICE = frozenset(
    {
        RuleKey.DEVICE_SILENT,
        RuleKey.DEVICE_BATTERY,
        RuleKey.DEVICE_LINK,
        RuleKey.DEVICE_CLOCK,
        RuleKey.DEVICE_REJECTED,
        RuleKey.DEVICE_STUCK,
        RuleKey.DEVICE_DUPLICATE,
        RuleKey.DEVICE_SIM,
        RuleKey.DEVICE_DRIFT,
        RuleKey.NOT_COMMISSIONED,
    }
)
"""Tickets for the installer; never a check."""


class Verb(StrEnum):
    """What became of the condition."""

    RAISED = "raised"  # it holds at this level, which is above the one before
    CLEARED = "cleared"  # it holds no more
    UNDETERMINED = "undetermined"  # it would be due, but the home could not be observed
    ALIVE = "alive"  # since an absence was raised, two credible signs of life at least a minute apart


LATE_DATA = "late_data"
"""Why a finding is withdrawn: what came late shows that it did not hold when it was raised."""


class Signs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When each sign of life was last seen (ms UTC); None: never since the home is looked after."""

    motion: Millis | None = None
    door: Millis | None = None
    call: Millis | None = None  # answered or dialled
    phone: Millis | None = None  # reported itself switched on
    newest: Millis | None = None  # of any kind, an answer to staff included


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the finding rests on; figures only, put into a sentence by `rules.sentence`."""

    since: Millis  # when the condition began: the last sign of life, the first breaching sample, the press
    limit: float = 0.0  # the threshold that was passed: ms for absences, the signal's unit otherwise
    value: float = 0.0  # what was seen: elapsed ms for absences, the signal's unit otherwise
    dwell: Millis = 0  # for how long a value had to hold
    usual: Millis = 0  # the longest this home is usually still from that time of day on; 0: not known, or not of this rule
    coverage: float = 1.0  # share of the window in which the home was observed, 0 to 1
    blind: str = ""  # what kept us from it for most of the rest (rules.observability.Blind)
    withdrawn: str = ""  # of a CLEARED: why what was raised had never held (LATE_DATA); empty where it is simply over
    left_out: Millis = 0  # the newest sample since `since` that came too late to be judged (ms UTC); 0: none
    rule_version: str = ""
    offset: int = 0  # journal offset of the deciding reading, 0 where it was time alone
    device_id: DeviceId | None = None
    signs: Signs | None = None  # of absences


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the rules noticed at a moment of home time.

    `episode` names the stretch from first raise to clear; `finding_id` is the same whenever the same journal is read
    again (made of household or device, rule, episode, verb, level). `household_id` is None only for an urgent signal
    of an unclaimed device.
    """

    finding_id: str
    episode: str
    dong_code: DongCode
    household_id: HouseholdId | None
    rule: RuleKey
    level: Level
    verb: Verb
    at: Millis
    evidence: Evidence
