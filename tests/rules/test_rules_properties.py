"""Proves on random streams that the engine says what plain loops say, and the same from any split, snapshot or order of work."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.clock import MINUTE
from ingest.facts import RunStarted
from rules.engine import STEP, Engine, Item
from rules.finding import DEVICE, Finding, RuleKey
from tests.rules.oracle import WEATHER, Oracle, Told
from tests.rules.random_streams import LAST, hasty_table, streams
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
