"""How an outage, ours or a gateway's, changes what can be said of the homes behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ingest.clock import Millis
from ingest.facts import LinkDown, LinkUp, RunStarted, RunStopped
from ingest.reading import DeviceId
from rules.batch import Batch
from rules.columns import NEVER, UNSET
from rules.finding import ABSENCE
from rules.outlook import UNHEARD_FOR, HearingTurn, every_quiet_home, quiet_home
from rules.roll import BITS, CALL_BIT, MOTION_BIT, TEMPERATURE_BIT
from rules.state import State
from rules.table import RuleTable
from rules.twins import twin_since

OF_LIFE = frozenset({MOTION_BIT, CALL_BIT})
"""What a device whose id is used twice is not believed to say of this home; its temperatures are held against their limits."""


@dataclass(slots=True)
class Said:
    """What is yet to be handed on of one state, whatever table is in force."""

    turns: list[HearingTurn] = field(default_factory=list)
    told: Millis | None = None  # since when the outage of our own lasts that was told of


class OutageBook:
    """Keeps the outages of one state; each method says which homes must be looked at anew (None: all)."""

    def __init__(self, table: RuleTable, said: Said) -> None:
        self._settle = table.settle
        self._lasted = table.caught_up
        self._stuck_flat = table.device.stuck_flat
        self._said = said

    def turns(self, state: State, now: Millis) -> list[HearingTurn]:
        """Whom we have stopped or begun to hear since this was last asked; our own link once it was away for two minutes."""
        self._tell_link(state, now)
        turns, self._said.turns = self._said.turns, []
        return turns

    def take_fact(self, state: State, fact: LinkUp | LinkDown | RunStarted | RunStopped) -> bool:
        """Fold what befell our own link or run; True when that began or ended an outage."""
        if isinstance(fact, LinkUp):
            return self._find_link(state, fact.at, fact.source)
        return self._lose_link(state, fact.at, fact.source if isinstance(fact, LinkDown) else None)

    def _find_link(self, state: State, at: Millis, source: str) -> bool:
        self._tell_link(state, at)
        since = state.observability.link_since
        found = state.observability.link_found(at, source)
        if found and since is not None and self._said.told == since:
            self._said.turns.append(HearingTurn(device_id=None, heard=True, since=since, at=at, homes=()))
        return found

    def _tell_link(self, state: State, now: Millis) -> None:
        since = state.observability.link_since
        if since is not None and now - since >= UNHEARD_FOR and self._said.told != since:
            self._said.told = since
            self._said.turns.append(
                HearingTurn(device_id=None, heard=False, since=since, at=since, homes=every_quiet_home(state))
            )

    def run_began(self, state: State) -> bool:
        """A run begins with no word of how the last one ended: we have heard nothing since the last item."""
        if state.observability.link_since is not None or state.heard_at == NEVER:
            return False
        return self._lose_link(state, state.heard_at, None)

    def _lose_link(self, state: State, at: Millis, source: str | None) -> bool:
        watch, homes = state.observability, state.households
        if watch.link_since is None:
            recent = watch.recently_blind(at, self._lasted, self._settle)
            if recent is not None:
                well = np.ones(len(homes), dtype=np.uint8)
                well[_unwell(state)] = 0
                kept = np.array(sorted(recent), dtype=np.int64)
                well[kept] = homes.well_before[kept]
                homes.well_before[: len(homes)] = well
        began = watch.link_since is None
        watch.link_lost(at, source)
        return began

    def take_status(self, state: State, batch: Batch) -> set[int]:
        """Fold the gateways' states in journal order; the homes whose outage began or ended."""
        changed: set[int] = set()
        for device, at, online in batch.status:
            was_online = int(state.devices.offline_since[device]) == UNSET
            home = int(state.devices.household[device])
            if online == was_online or home < 0:
                continue
            since = int(state.devices.offline_since[device])
            state.devices.offline_since[device] = UNSET if online else at
            self._said.turns.append(
                HearingTurn(
                    device_id=DeviceId(state.devices.ids[device]),
                    heard=online,
                    since=since if online else at,
                    at=at,
                    homes=(quiet_home(state, home),),
                )
            )
            state.devices.due[device] = 0
            changed.add(home)
            self.settle_home(state, home, at)
        return changed

    def settle_sensors(self, state: State, home: int, at: Millis, bits: Iterable[int] = BITS) -> bool:
        """Begin or end the blindness for each of these signals as the home's sensors stand at `at`; True when any began or ended.

        A home is blind for a signal while every sensor that gives it is silent or cannot be believed: since the last one fell
        silent, or its id was found to be used twice. A sensor that speaks only when something happens is never found silent.
        """
        watch, devices, changed = state.observability, state.devices, False
        standing = state.standing(home)
        twins = {device: twin_since(state, device) for device in standing}
        for bit in bits:
            since = [
                min(self._doubted(state, device, bit), twins[device] if bit in OF_LIFE else UNSET)
                for device in standing
                if int(devices.signals[device]) & bit
            ]
            if since and max(since) < UNSET:
                changed |= watch.sensors_lost(home, bit, max(since))
            else:
                changed |= watch.sensors_found(home, bit, at)
        return changed

    def _doubted(self, state: State, device: int, bit: int) -> Millis:
        """Since when it cannot be believed to see what happens: silent, or stuck in this signal (ms UTC); UNSET: it can."""
        devices, climates = state.devices, state.climates
        silent = int(devices.silent_since[device])
        if bit == MOTION_BIT:
            return min(silent, int(devices.stuck_since[device]))
        sensor = devices.climate[[device]]
        stuck = bit == TEMPERATURE_BIT and sensor[0] >= 0 and climates.flat(sensor, self._stuck_flat)[0]
        return min(silent, int(climates.flat_since[sensor[0]])) if stuck else silent

    def settle_home(self, state: State, home: int, at: Millis) -> None:
        """Begin or end the home's own outage as its gateways stand at `at`."""
        watch = state.observability
        dark = any(state.devices.offline_since[device] < UNSET for device in state.standing(home))
        if not dark:
            watch.gateway_found(home, at)
            return
        ended = watch.ended_at(home, self._lasted, self._settle)
        if not watch.blind(home) and (ended is None or at >= ended + self._settle):
            state.households.well_before[home] = 0 if home in _unwell(state) else 1
        watch.gateway_lost(home, at)


def _unwell(state: State) -> list[int]:
    """Homes with a standing absence finding."""
    found = [state.households.find(name) for name, rule, _ in state.episodes.standing() if rule in ABSENCE]
    return [home for home in found if home is not None]
