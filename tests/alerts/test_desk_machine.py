"""Whatever findings, people, answers, waits, crashes and re-readings come in whatever order, the promises of the desk hold.

`make test` walks 20,000 acts, `make test-long` a million; docs/ladder.md says when that was last seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.alerts.desk_walk import Act, Walk

OFTEN = ("find", "find", "find", "wait", "wait", "wait", "send", "send", "answer", "acknowledge", "resolve", "crash", "watch")
ACTS = (*OFTEN, "again", "note", "visit", "try_by_hand", "end_try", "sit", "leave", "silence", "silence", "lift")
AT_ONCE = 10
"""Acts of one draw: drawing one by one would take longer than doing them."""

acts = st.tuples(st.sampled_from(ACTS), st.integers(0, 11), st.integers(0, 11), st.integers(0, 11))

walked = 0


class DeskMachine(RuleBasedStateMachine):
    """One site from its first finding to its last; at the end nobody acts any more and every ladder runs out."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk()

    @rule(some=st.lists(acts, min_size=AT_ONCE, max_size=AT_ONCE))
    def act(self, some: list[Act]) -> None:
        for one in some:
            self.walk.act(one)

    def teardown(self) -> None:
        global walked
        try:
            self.walk.at_rest()
        finally:
            walked += self.walk.steps
            self.walk.close()


def walk(examples: int, draws: int, *, seeded: bool) -> int:
    """How many acts were done."""
    global walked
    walked = 0
    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=draws,
            deadline=None,
            derandomize=seeded,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
    return walked


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log lines: there would be a hundred thousand."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.timeout(900)  # half a minute of an idle processor each
@pytest.mark.parametrize("draws", [25, 26])  # two walks, for two processors
def test_the_promises_of_the_desk_hold_over_twenty_thousand_acts(draws: int) -> None:
    assert walk(10_000 // (AT_ONCE * draws) + 1, draws, seeded=True) >= 10_000


@pytest.mark.long
@pytest.mark.timeout(3 * 3600)
def test_the_promises_of_the_desk_hold_over_a_million_acts() -> None:
    done = 0
    while done < 1_000_000:
        done += walk(250, 40, seeded=False)
    assert done >= 1_000_000
