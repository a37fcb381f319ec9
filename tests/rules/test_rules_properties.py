"""Proves on random streams that the engine says what plain loops say, and the same from any split, snapshot or order of work."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.clock import MINUTE
from ingest.facts import RunStarted
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.readings import Readings
from rules.engine import STEP, Engine, Item
from rules.finding import ABSENCE, DEVICE, Finding, RuleKey
from rules.runs import Run
from tests.rules.oracle import WEATHER, Oracle, Told
from tests.rules.random_streams import (
    HOMES,
    LAST,
    NO_EVIDENCE,
    bursts,
    delays,
    hasty_table,
    orders,
    patient_table,
    streams,
    weathers,
)
from tests.rules.rule_parts import START, received_at

TABLE = hasty_table()
END = START + LAST + 40 * MINUTE
SETTINGS = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def feed(engine: Engine, items: list[Item], cuts: set[int]) -> list[Finding]:
    """Batches are closed at the cuts, at each grid point, and at the start of a run."""
    said: list[Finding] = []
    batch: list[Item] = []
    until = -1
    for place, item in enumerate(items):
        if received_at(item) >= until or isinstance(item, RunStarted) or place in cuts:
            said += engine.fold(batch)
            batch = []
            if isinstance(item, RunStarted):
                engine.begin_run()
            said += engine.advance(received_at(item))
            until = received_at(item) - received_at(item) % STEP + STEP
        batch.append(item)
    return said + engine.fold(batch)


def climates(engine: Engine) -> dict[str, list[list[float]]]:
    """What is known of each sensor of temperature or humidity, whichever of them was heard first."""
    state = engine._state
    found = {}
    for row in range(len(state.climates)):
        values = [getattr(state.climates, field.name)[..., row] for field in state.climates.FIELDS]
        found[state.devices.ids[int(state.climates.device[row])]] = [np.nan_to_num(one, nan=-1e9).tolist() for one in values]
    return found


def movements(engine: Engine) -> dict[str, tuple[Run, list[int]]]:
    """Of each motion sensor the newest run that no person makes, and what is kept of its motions."""
    state = engine._state
    devices = range(len(state.devices))
    rows = {state.devices.ids[device]: int(state.devices.movement[device]) for device in devices}
    return {name: (state.movements.run(row), state.movements.recent(row)) for name, row in rows.items() if row >= 0}


def states_of_devices(engine: Engine) -> list[list[float]]:
    """What each device says of itself."""
    devices = engine._state.devices
    columns = (devices.battery, devices.link, devices.sim, devices.sim_now)
    return [np.nan_to_num(column[: len(devices)], nan=-1.0).tolist() for column in columns]


def plain(findings: list[Finding]) -> list[Told]:
    told: list[Told] = []
    for one in findings:
        if one.rule in DEVICE and one.rule is not RuleKey.NOT_COMMISSIONED:
            continue
        seen = one.evidence
        since = 0 if one.rule in WEATHER else seen.since
        told.append(
            (str(one.household_id), one.rule.value, one.verb.value, int(one.level), one.at, since, seen.coverage, seen.withdrawn)
        )
    return told


@SETTINGS
@given(streams())
def test_the_engine_says_what_plain_loops_say(items: list[Item]) -> None:
    engine, oracle = Engine(TABLE), Oracle(TABLE)
    said = feed(engine, items, set()) + engine.advance(END)
    for item in items:
        if isinstance(item, RunStarted):
            oracle.begin_run()
        oracle.advance(received_at(item))
        oracle.fold(item)
    oracle.advance(END)
    assert plain(said) == oracle.said
    standing = sorted((name, rule.value, int(level)) for name, rule, level in engine.standing() if ":" not in name)
    assert standing == oracle.standing()


@SETTINGS
@given(streams(), st.data())
def test_any_split_into_batches_gives_the_same_findings_and_the_same_bytes(items: list[Item], data: st.DataObject) -> None:
    whole, split = Engine(TABLE), Engine(TABLE)
    cuts = data.draw(st.sets(st.integers(0, len(items))))
    assert feed(whole, items, set()) == feed(split, items, cuts)
    assert whole.snapshot() == split.snapshot()
    assert whole.advance(END) == split.advance(END)
    assert whole.snapshot() == split.snapshot()


@SETTINGS
@given(streams(), st.data())
def test_wrong_6_a_snapshot_and_the_journal_after_it_give_what_the_whole_journal_gives(
    items: list[Item], data: st.DataObject
) -> None:
    whole, before, after = Engine(TABLE), Engine(TABLE), Engine(TABLE)
    cut = data.draw(st.integers(0, len(items)))
    said = feed(before, items[:cut], set())
    after.restore(before.snapshot())
    said += feed(after, items[cut:], set())
    assert feed(whole, items, {cut}) == said
    assert whole.snapshot() == after.snapshot()
    assert whole.advance(END) == after.advance(END)
    assert whole.snapshot() == after.snapshot()


@SETTINGS
@given(streams())
def test_no_finding_id_is_used_twice(items: list[Item]) -> None:
    engine = Engine(TABLE)
    said = feed(engine, items, set()) + engine.advance(END)
    assert len(said) == len({one.finding_id for one in said})


@SETTINGS
@given(streams(), st.lists(st.integers(0, 130 * 60), max_size=40))
def test_asking_more_often_changes_nothing(items: list[Item], seconds: list[int]) -> None:
    """Grid points where nothing is due are skipped, and evaluating them would have said nothing."""
    calm, eager = Engine(TABLE), Engine(TABLE)
    said = feed(calm, items, set()) + calm.advance(END)
    told: list[Finding] = []
    for item in items:
        if isinstance(item, RunStarted):
            eager.begin_run()
        told += eager.advance(received_at(item))
        told += eager.fold([item])
    for second in sorted(seconds):
        told += eager.advance(max(START + second * 1000, received_at(items[-1])))
    assert said == told + eager.advance(END)


@SETTINGS
@given(bursts(), st.data())
def test_any_order_and_any_repetition_of_the_same_messages_gives_the_same_homes(
    burst: tuple[list[Item], list[Reading]], data: st.DataObject
) -> None:
    """What is known of the homes, to the last byte, and what stands a while later."""
    enrolments, came = burst
    table = patient_table(8)
    once, again = Engine(table), Engine(table)
    for engine, order in ((once, sorted(came, key=lambda one: one.observed_at)), (again, data.draw(orders(came)))):
        engine.fold(enrolments)
        engine.advance(START + LAST)
        cuts = data.draw(st.sets(st.integers(0, len(order))))
        for start, end in pairwise(sorted({0, len(order), *cuts})):
            engine.fold(order[start:end])
        engine.advance(END)
    assert once._state.households.dump() == again._state.households.dump()
    assert once._state.phone_offs == again._state.phone_offs
    assert states_of_devices(once) == states_of_devices(again)
    assert once._state.climates.dump() == again._state.climates.dump()
    assert once.standing() == again.standing()


@SETTINGS
@given(bursts(), st.data())
def test_readings_in_columns_mean_what_the_same_readings_mean_one_by_one(
    burst: tuple[list[Item], list[Reading]], data: st.DataObject
) -> None:
    """Columns of one list of places, as a decoder hands them on, in pieces of any length, none among them."""
    enrolments, came = burst
    single, columns = Engine(TABLE), Engine(TABLE)
    for engine in (single, columns):
        engine.fold(enrolments)
        engine.advance(START + LAST)
    whole = Readings.of(came)
    cuts = data.draw(st.lists(st.integers(0, len(came)), max_size=6))
    pieces = [whole[start:end] for start, end in pairwise(sorted([0, len(came), *cuts]))]
    assert columns.fold(pieces) == single.fold(came)
    assert columns.advance(END) == single.advance(END)
    assert columns.snapshot() == single.snapshot()


@SETTINGS
@given(weathers(), st.data())
def test_messages_that_come_late_and_out_of_order_leave_the_same_findings_standing(
    weather: tuple[list[Item], list[Reading]], data: st.DataObject
) -> None:
    """The rules speak in between, in ignorance of what is still on its way; a while later all is as if it had come in time."""
    enrolments, came = weather
    table = patient_table(3)
    timely, late = Engine(table), Engine(table)
    for engine, order in ((timely, sorted(came, key=received_at)), (late, data.draw(delays(came)))):
        feed(engine, [*enrolments, *order, *data.draw(st.lists(st.sampled_from(order[-9:]), max_size=3))], set())
        engine.advance(END)
    assert climates(timely) == climates(late)
    assert movements(timely) == movements(late)
    unlike = DEVICE - {RuleKey.DEVICE_STUCK}  # what else is told of devices goes by when they were heard
    stands = [[one for one in engine.standing() if one[1] not in unlike] for engine in (timely, late)]
    assert stands[0] == stands[1]


@SETTINGS
@given(streams(), st.sampled_from(NO_EVIDENCE), st.sampled_from(HOMES))
def test_no_reading_turns_undetermined_into_well_without_evidence(
    items: list[Item], nothing: tuple[str, Signal, float, bool], home: str
) -> None:
    """Whatever stands or is in doubt of a home still does after a message that shows nobody alive, however often it comes."""
    engine = Engine(TABLE)
    feed(engine, items, set())
    now = max(START + LAST, received_at(items[-1]))
    engine.advance(now)
    before = {rule for rule, _ in engine._state.episodes.of(home) if rule in ABSENCE}
    device, signal, value, credible = nothing
    for place in range(1, 4):
        at = now + place * STEP
        engine.advance(at)
        message = Reading(
            offset=1_000 + place,
            dong_code=DongCode("dong-1"),
            household_id=HouseholdId(home),
            device_id=DeviceId(f"{device}-{home}"),
            signal=signal,
            value=value,
            observed_at=at,
            received_at=at,
            credible=credible,
        )
        engine.fold([message])
    engine.advance(now + 5 * STEP)
    assert before <= {rule for rule, _ in engine._state.episodes.of(home)}
