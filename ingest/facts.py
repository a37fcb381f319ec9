"""What we ourselves did or noticed, as the journal keeps it: ids and codes only, never a name or free text.

Facts and messages share one order, so that whoever reads the journal knows at every offset which device stood in
which home, who was away, and when we could not hear.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ingest.clock import Millis
from ingest.reading import DeviceId, DongCode, HouseholdId


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact"):
    """`fact_id` is unique for all time: appending the same one again changes nothing. `at` is home time."""

    fact_id: str
    at: Millis


class HouseholdEnrolled(_Fact, frozen=True, kw_only=True, tag="household_enrolled"):
    """From `at` on this household is looked after. `grade`: high, elevated or ordinary."""

    household_id: HouseholdId
    dong_code: DongCode
    grade: str = "ordinary"


class HouseholdEnded(_Fact, frozen=True, kw_only=True, tag="household_ended"):
    """From `at` on this household is no longer looked after (moved, died); its devices fall silent with it."""

    household_id: HouseholdId


class HouseholdGraded(_Fact, frozen=True, kw_only=True, tag="household_graded"):
    """The risk grade changed."""

    household_id: HouseholdId
    grade: str


class DeviceEnrolled(_Fact, frozen=True, kw_only=True, tag="device_enrolled"):
    """The device stands in this household from `at` on; enrolling it elsewhere moves it."""

    device_id: DeviceId
    household_id: HouseholdId
    signals: tuple[str, ...]
    report_interval_s: int = 0  # 0: speaks only when something happens
    address: str | None = None  # `dialect/vendor id` by which a vendor's device is known; None: speaks native
    zone: str = "Asia/Seoul"  # of the device's own clock, where its dialect gives local time


class DeviceRemoved(_Fact, frozen=True, kw_only=True, tag="device_removed"):
    """The device stands in no household any more."""

    device_id: DeviceId


class AwayDeclared(_Fact, frozen=True, kw_only=True, tag="away_declared"):
    """Staff know the resident to be away from `at` until `returns_at`."""

    household_id: HouseholdId
    returns_at: Millis
    reason: str  # a code: travel, hospital, family, other


class AwayEnded(_Fact, frozen=True, kw_only=True, tag="away_ended"):
    """The declared absence is over."""

    household_id: HouseholdId


class CheckResolved(_Fact, frozen=True, kw_only=True, tag="check_resolved"):
    """Staff settled a check; an outcome beginning with `safe_` is a credible sign of life at `at`."""

    check_id: str
    household_id: HouseholdId
    outcome: str
    rules: tuple[str, ...]


class RunStarted(_Fact, frozen=True, kw_only=True, tag="run_started"):
    """A process of ours began to listen."""

    run_id: str


class RunStopped(_Fact, frozen=True, kw_only=True, tag="run_stopped"):
    """A process of ours ended in good order at `at`; after a crash this fact is missing."""

    run_id: str


class LinkUp(_Fact, frozen=True, kw_only=True, tag="link_up"):
    """The broker's queue has been heard to its end (our canary came back): from `at` on we hear as it happens."""

    source: str


class LinkDown(_Fact, frozen=True, kw_only=True, tag="link_down"):
    """The connection to the broker ended, or was noticed to have ended, at `at`."""

    source: str


class MessageReread(_Fact, frozen=True, kw_only=True, tag="message_reread"):
    """A message of the journal is to be read once more at this place, by what is known here (docs/adr/0010).

    It carries the message as it came, `received_at` and all. `device_id` and `indexes` say which of its values are meant
    (None, and none: every one); `numbered` that its number was noted when it was first read, and must not refuse it now.
    """

    of: int  # the offset it stands at
    received_at: Millis
    source: str
    topic: str
    payload: bytes
    retain: bool = False
    dup: bool = False
    catching_up: bool = False
    device_id: DeviceId | None = None
    indexes: tuple[int, ...] = ()
    numbered: bool = False


class MessagesLeftOut(_Fact, frozen=True, kw_only=True, tag="messages_left_out"):
    """A device sent more than its rate allows: so many messages from `since` to `at` were not journalled.

    Our acknowledgement covers none of them, so a device that numbers and keeps what it sends is asked for them.
    """

    topic: str  # of the last of them
    messages: int
    since: Millis


class RulesApplied(_Fact, frozen=True, kw_only=True, tag="rules_applied"):
    """From `at` on the rules of this version hold; `table` is their text."""

    version: str
    table: str


class SeasonDeclared(_Fact, frozen=True, kw_only=True, tag="season_declared"):
    """A supervisor declared a season (heatwave, coldwave): from `at` until `until` its limits hold."""

    season: str
    until: Millis


class SeasonEnded(_Fact, frozen=True, kw_only=True, tag="season_ended"):
    """The declared season is over; one that holds by its dates goes on."""

    season: str


class HouseholdLimit(_Fact, frozen=True, kw_only=True, tag="household_limit"):
    """This household has a limit of its own, which can only be more careful; None: the limit of everybody again."""

    household_id: HouseholdId
    rule: str  # a section of the rule table: motion, heat, ...
    level: int  # 1 caution, 2 warning, 3 danger
    limit: float | None  # ms for absences, the signal's unit for thresholds


class EntrySkipped(_Fact, frozen=True, kw_only=True, tag="entry_skipped"):
    """What stood at this offset of the journal could not be read any more, and an operator let it go."""

    reason: str  # what the check said of it: never a payload


Fact: TypeAlias = (
    HouseholdEnrolled
    | HouseholdEnded
    | HouseholdGraded
    | DeviceEnrolled
    | DeviceRemoved
    | AwayDeclared
    | AwayEnded
    | CheckResolved
    | RunStarted
    | RunStopped
    | LinkUp
    | LinkDown
    | RulesApplied
    | SeasonDeclared
    | SeasonEnded
    | HouseholdLimit
    | EntrySkipped
    | MessageReread
    | MessagesLeftOut
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def encode_fact(fact: Fact) -> bytes:
    """The fact as UTF-8 JSON with its kind in the field `fact`."""
    return _encoder.encode(fact)


def decode_fact(raw: bytes) -> Fact:
    """The fact back from `encode_fact`; msgspec.ValidationError for anything else."""
    return _decoder.decode(raw)
