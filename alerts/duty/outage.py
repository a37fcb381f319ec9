"""When silence of many is one outage (통신 두절), of what place, and when it is over; decided from rows, nothing is read here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ingest.clock import MINUTE, Millis
from ingest.reading import DongCode, HouseholdId

WITHIN: Millis = 2 * MINUTE
AT_LEAST = 10
SHARE = 0.2
"""So many gateways of a place, and so large a share of them, silent within so long, are one outage."""
OVER_BELOW = 5
OVER_SHARE = 0.1
"""It is over when fewer than these are still silent: half of what began it, so that it does not flicker."""
EXPLAINS = 0.9
"""The narrowest place is named that explains this share of what the widest would."""


class OutageKind(StrEnum):
    """What went, from the narrowest place to the widest; our own link is told by the rules, not counted from gateways."""

    BUILDING = "building"
    DONG = "dong"
    CARRIER = "carrier"
    SITE = "site"
    LINK = "link"


EVERYWHERE = "-"
"""The target of an outage of the whole site or of our link, and the dong of one that touches several."""

Place: TypeAlias = tuple[OutageKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway that stands in a home; `lost_at` (home time) None: it is heard."""

    device_id: str
    household_id: HouseholdId
    dong_code: DongCode
    carrier: str | None
    building: str | None
    lost_at: Millis | None = None
    quiet_since: Millis | None = None

    def places(self) -> list[Place]:
        """Every place it belongs to."""
        found: list[Place] = [(OutageKind.DONG, self.dong_code), (OutageKind.SITE, EVERYWHERE)]
        if self.carrier:
            found.append((OutageKind.CARRIER, self.carrier))
        if self.building:
            found.append((OutageKind.BUILDING, self.building))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A new outage; `members` are all gateways of the place that are silent since it began."""

    kind: OutageKind
    target: str
    dong_code: str  # `EVERYWHERE` where it touches several
    began_at: Millis
    gateways: int
    members: tuple[Gateway, ...]


def sizes(gateways: Iterable[Gateway]) -> dict[Place, int]:
    """How many gateways each place has."""
    count: dict[Place, int] = defaultdict(int)
    for one in gateways:
        for place in one.places():
            count[place] += 1
    return dict(count)


def find_outages(lost: Sequence[Gateway], size: Mapping[Place, int], now: Millis) -> list[Found]:
    """The outages that these silent gateways, which no open outage explains, make up at home time `now`.

    A stretch of two minutes is judged once it is over: what a narrow place seems to have lost is often the first of a wide one.
    """
    rest, found = list(lost), []
    while (one := _widest(rest, size, now)) is not None:
        found.append(one)
        explained = {member.device_id for member in one.members}
        rest = [each for each in rest if each.device_id not in explained]
    return found


def is_over(still_lost: int, gateways: int) -> bool:
    """Whether so few of the place's gateways are silent that the outage has ended."""
    return still_lost < max(OVER_BELOW, OVER_SHARE * gateways)


def _widest(lost: Sequence[Gateway], size: Mapping[Place, int], now: Millis) -> Found | None:
    by_place: dict[Place, list[Gateway]] = defaultdict(list)
    for one in sorted(lost, key=lambda each: (each.lost_at or 0, each.device_id)):
        for place in one.places():
            by_place[place].append(one)
    candidates: list[tuple[int, Place, Millis]] = []
    for place, members in by_place.items():
        count, began_at = _densest([one.lost_at or 0 for one in members], now)
        if count >= max(AT_LEAST, SHARE * size[place]):
            candidates.append((count, place, began_at))
    if not candidates:
        return None
    most = max(count for count, _, _ in candidates)
    order = list(OutageKind)
    enough = [each for each in candidates if each[0] >= EXPLAINS * most]
    _, place, began_at = min(enough, key=lambda each: (order.index(each[1][0]), -each[0], each[1][1]))
    silent = tuple(one for one in by_place[place] if (one.lost_at or 0) >= began_at)
    dongs = {one.dong_code for one in silent}
    return Found(
        kind=place[0],
        target=place[1],
        dong_code=next(iter(dongs)) if len(dongs) == 1 else EVERYWHERE,
        began_at=began_at,
        gateways=size[place],
        members=silent,
    )


def _densest(times: Sequence[Millis], now: Millis) -> tuple[int, Millis]:
    """The most of these (rising) that fall into one stretch that is over by now, and where it begins."""
    best, best_at, end = 0, 0, 0
    for start, at in enumerate(times):
        if at + WITHIN > now:
            break
        end = max(end, start)
        while end < len(times) and times[end] <= at + WITHIN:
            end += 1
        if end - start > best:
            best, best_at = end - start, at
    return best, best_at
