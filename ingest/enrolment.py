"""Which device stands in which household, as the facts of the journal read so far say it.

Folded in journal order, so that at every offset the answer is the one that held there. The register's tables are
what staff edit; this is what readings are judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ingest.clock import Millis
from ingest.facts import DeviceEnrolled, DeviceRemoved, Fact, HouseholdEnded, HouseholdEnrolled, HouseholdGraded
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.readings import Whose


class EnrolledHousehold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A household that is, or was, looked after."""

    household_id: HouseholdId
    dong_code: DongCode
    grade: str  # high, elevated, ordinary
    enrolled_at: Millis
    ended_at: Millis | None = None


class EnrolledDevice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A device as it was enrolled into its household."""

    device_id: DeviceId
    household_id: HouseholdId
    signals: tuple[str, ...]
    report_interval_s: int  # 0: speaks only when something happens
    enrolled_at: Millis
    address: str | None = None  # `dialect/vendor id`
    zone: str = "Asia/Seoul"


class Place(Whose, frozen=True, kw_only=True, gc=False):
    """Where a device stands now: all that judging one message needs, in one look-up."""

    household_id: HouseholdId
    number: int  # among all places since the start or the last `restore`
    enrolled_at: Millis  # the later of the device's and the household's: nothing observed before it is life
    ended: bool  # the household is no longer looked after


class _State(msgspec.Struct, array_like=True):
    households: list[EnrolledHousehold]
    devices: list[EnrolledDevice]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class Enrolment:
    """Devices and households by id; facts about anything else are let pass.

    Enrolling a device again in the same household keeps its first `enrolled_at`; in another one it counts anew. The
    same holds for a household enrolled again while it is looked after, and after it had ended.
    """

    def __init__(self) -> None:
        self._households: dict[HouseholdId, EnrolledHousehold] = {}
        self._devices: dict[DeviceId, EnrolledDevice] = {}
        self._homes: dict[HouseholdId, tuple[DeviceId, ...]] = {}  # who stands there, the household known or not
        self._places: dict[str, Place] = {}
        self._addresses: dict[str, DeviceId] = {}
        self.standing: list[Place] = []  # by number, those of the past as well
        self._numbers: dict[tuple[str, str, str, Millis, bool], int] = {}  # of everything that was ever told of a place
        self._dumped: bytes | None = None  # the snapshot, until a fact changes something: it is asked for every few seconds

    def fold(self, fact: Fact) -> None:
        """Take one fact of the journal."""
        if isinstance(fact, DeviceEnrolled | DeviceRemoved | HouseholdEnrolled | HouseholdEnded | HouseholdGraded):
            self._dumped = None
        if isinstance(fact, DeviceEnrolled):
            self._enrol_device(fact)
        elif isinstance(fact, DeviceRemoved):
            self._remove_device(fact.device_id)
        elif isinstance(fact, HouseholdEnrolled):
            self._enrol_household(fact)
        elif isinstance(fact, (HouseholdEnded, HouseholdGraded)):
            self._change_household(fact)

    def place(self, device_id: str) -> Place | None:
        """Where the device stands; None for one nobody enrolled, or enrolled into a household nobody knows."""
        return self._places.get(device_id)

    def at_address(self, address: str) -> EnrolledDevice | None:
        """The device a vendor knows by this `dialect/vendor id`."""
        device_id = self._addresses.get(address)
        return None if device_id is None else self._devices.get(device_id)

    def household(self, household_id: HouseholdId) -> EnrolledHousehold | None:
        """The household, ended or not."""
        return self._households.get(household_id)

    def device(self, device_id: DeviceId) -> EnrolledDevice | None:
        """The device as enrolled."""
        return self._devices.get(device_id)

    def households(self) -> Iterator[EnrolledHousehold]:
        """All households ever enrolled, in the order of their first enrolment in this process."""
        return iter(self._households.values())

    def devices_of(self, household_id: HouseholdId) -> list[EnrolledDevice]:
        """The devices that stand in this household now, by id."""
        return [self._devices[device_id] for device_id in sorted(self._homes.get(household_id, ()))]

    def __len__(self) -> int:
        return len(self._devices)

    def snapshot(self) -> bytes:
        """Everything known; the same content gives the same bytes."""
        if self._dumped is None:
            households = sorted(self._households.values(), key=lambda household: household.household_id)
            devices = sorted(self._devices.values(), key=lambda device: device.device_id)
            self._dumped = _encoder.encode(_State(households, devices))
        return self._dumped

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        known = _decoder.decode(state) if state is not None else _State([], [])
        self._dumped = None
        self._households = {household.household_id: household for household in known.households}
        self._devices = {device.device_id: device for device in known.devices}
        self._homes = {}
        self._places = {}
        self.standing, self._numbers = [], {}
        self._addresses = {device.address: device.device_id for device in known.devices if device.address is not None}
        for device in known.devices:
            self._stand(device.device_id, device.household_id)
        self._settle(self._devices)

    def _enrol_device(self, fact: DeviceEnrolled) -> None:
        before = self._devices.get(fact.device_id)
        stayed = before is not None and before.household_id == fact.household_id
        self._remove_device(fact.device_id)
        self._devices[fact.device_id] = EnrolledDevice(
            device_id=fact.device_id,
            household_id=fact.household_id,
            signals=fact.signals,
            report_interval_s=fact.report_interval_s,
            enrolled_at=before.enrolled_at if before is not None and stayed else fact.at,
            address=fact.address,
            zone=fact.zone,
        )
        if fact.address is not None:
            self._addresses[fact.address] = fact.device_id
        self._stand(fact.device_id, fact.household_id)
        self._settle((fact.device_id,))

    def _remove_device(self, device_id: DeviceId) -> None:
        device = self._devices.pop(device_id, None)
        if device is not None:
            there = self._homes[device.household_id]
            self._homes[device.household_id] = tuple(one for one in there if one != device_id)
            self._places.pop(device_id, None)
            if device.address is not None and self._addresses.get(device.address) == device_id:
                del self._addresses[device.address]

    def _stand(self, device_id: DeviceId, household_id: HouseholdId) -> None:
        self._homes[household_id] = (*self._homes.get(household_id, ()), device_id)

    def _enrol_household(self, fact: HouseholdEnrolled) -> None:
        before = self._households.get(fact.household_id)
        went_on = before is not None and before.ended_at is None
        self._households[fact.household_id] = EnrolledHousehold(
            household_id=fact.household_id,
            dong_code=fact.dong_code,
            grade=fact.grade,
            enrolled_at=before.enrolled_at if before is not None and went_on else fact.at,
        )
        self._settle(self._homes.get(fact.household_id, ()))

    def _change_household(self, fact: HouseholdEnded | HouseholdGraded) -> None:
        household = self._households.get(fact.household_id)
        if household is None:
            return
        if isinstance(fact, HouseholdGraded):
            self._households[fact.household_id] = msgspec.structs.replace(household, grade=fact.grade)
        else:
            self._households[fact.household_id] = msgspec.structs.replace(household, ended_at=fact.at)
            self._settle(self._homes.get(fact.household_id, ()))

    def _settle(self, device_ids: Iterable[DeviceId]) -> None:
        for device_id in device_ids:
            device = self._devices[device_id]
            household = self._households.get(device.household_id)
            if household is not None:
                self._places[device_id] = self._place(device, household)

    def _place(self, device: EnrolledDevice, household: EnrolledHousehold) -> Place:
        """One that was told of before keeps its number: a register that says the same every night makes nothing grow."""
        enrolled_at, ended = max(device.enrolled_at, household.enrolled_at), household.ended_at is not None
        key = (device.device_id, household.household_id, household.dong_code, enrolled_at, ended)
        number = self._numbers.setdefault(key, len(self.standing))
        if number == len(self.standing):
            self.standing.append(
                Place(
                    number=number,
                    device_id=device.device_id,
                    household_id=household.household_id,
                    dong_code=household.dong_code,
                    enrolled_at=enrolled_at,
                    ended=ended,
                )
            )
        return self.standing[number]
