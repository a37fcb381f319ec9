"""A whole town is lost for an hour while the limits of many of its homes run out: what its officers are told, and when.

Real desk, ladder, roster, outages, outbox; what the rules would find is given in. tests/path/test_lost_town.py has the rules.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import pytest

from alerts.check import CheckState, Outcome
from alerts.contacts import ContactBook, Kind
from alerts.delivery import Delivery, Message, Result, Sent
from alerts.duty.held import BATCH, SETTLE, STAGE
from alerts.duty.outages import OutageHome
from alerts.duty.teller import Teller
from alerts.duty.tick import DutyTick
from alerts.outbox import Sender
from alerts.policy import Policy
from alerts.telling import NAMED
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Finding, Level, RuleKey
from tests.alerts.alert_parts import MORNING, HandClock, finding
from tests.alerts.duty_parts import Office, gateway_turn

DONGS = tuple(f"dong-{number}" for number in range(1, 6))
LOST = MORNING + HOUR
BACK = LOST + HOUR
Happening = tuple[Millis, Callable[[], object]]


@dataclass
class Town:
    """Five dongs with an officer each, everybody reached by e-mail; who was told what, in home time."""

    url: str
    homes: int
    clock: HandClock = field(default_factory=HandClock)
    said: list[tuple[Millis, str, Message]] = field(default_factory=list)

    def __post_init__(self) -> None:
        engine = open_store(self.url)
        metadata.create_all(engine)
        self.office = Office(engine=engine, clock=self.clock, policy=Policy(routes=()), dongs=DONGS)
        self.office.duty = DutyTick(engine, self.clock, self.office.desk, Teller(self.clock, self.office.policy), "one")
        self.sender = Sender(engine, self.clock, {"email": self})
        contacts = ContactBook(engine, Sealer(b"k" * 32), self.clock)
        for dong in DONGS:
            self.office.rota.add_shift(desk="dong", dong=dong, login=dong.replace("dong-", "officer"), by="gu")
        self.office.rota.add_shift(desk="supervisor", login="gu", by="gu")
        for login in ("gu", *(dong.replace("dong-", "officer") for dong in DONGS)):
            contacts.add(login, Kind.EMAIL, f"{login}@example.invalid")
        self.names = [name for dong in DONGS for name in self.office.homes(self.homes // len(DONGS), dong)]

    def send(self, delivery: Delivery) -> Result:
        """The channel that reaches everybody."""
        self.said.append((self.clock.home, delivery.recipient, msgspec.json.decode(delivery.body, type=Message)))
        return Sent()

    def officer(self, home: str) -> str:
        return f"officer{home.split('-')[1]}"

    def found(self, home: str, rule: RuleKey, level: Level) -> Finding:
        return finding(rule, level, at=self.clock.home, household=home, dong="dong-" + home.split("-")[1])

    def run(self, until: Millis, step: Millis, happenings: list[Happening]) -> None:
        """Let home time pass; what happens does so when its time has come."""
        waiting = sorted(happenings, key=lambda each: each[0])
        while self.clock.home < until:
            self.clock.home += step
            self.clock.machine += step
            while waiting and waiting[0][0] <= self.clock.home:
                waiting.pop(0)[1]()
            self.office.tick.run()
            self.office.duty.run()
            self.sender.turn()

    def told(self, person: str, kind: str) -> list[tuple[Millis, Message]]:
        return [(at, said) for at, to, said in self.said if to == person and said.kind == kind]

    def code(self, home: str) -> str:
        return self.office.check_of(home).code

    def listed(self) -> dict[str, OutageHome]:
        [outage] = self.office.outages.recent(self.clock.home, dong=None)
        return {one.household_id: one for one in self.office.outages.homes(outage.id, dong=None)}


@pytest.fixture(params=[300, pytest.param(5_000, marks=pytest.mark.long)])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path_factory.mktemp('town') / 'anbu.sqlite3'}", request.param)
    yield made
    made.office.engine.dispose()


def lose(town: Town, chance: random.Random) -> None:
    """All gateways fall silent within a minute and a half, and it is noticed."""
    quiet = {name: LOST - chance.randrange(30 * HOUR) for name in town.names}
    order = chance.sample(town.names, len(town.names))
    parts = [order[start::9] for start in range(9)]

    def silent(names: list[str]) -> None:
        town.office.outlook.take([gateway_turn(name, town.clock.home, quiet=quiet[name]) for name in names])

    lost: list[Happening] = [
        (LOST + place * 10 * SECOND, lambda names=names: silent(names))  # type: ignore[misc]
        for place, names in enumerate(parts)
    ]
    town.run(LOST + 4 * MINUTE, 10 * SECOND, lost)


def come_back(town: Town, dark: set[str]) -> None:
    """Within five minutes all are heard again but those of `dark`."""
    heard = [name for name in town.names if name not in dark]

    def hear(names: list[str]) -> None:
        town.office.outlook.take([gateway_turn(name, town.clock.home, heard=True, since=LOST) for name in names])

    back: list[Happening] = [
        (BACK + place * 30 * SECOND, lambda names=heard[place::10]: hear(names))  # type: ignore[misc]
        for place in range(10)
    ]
    town.run(BACK + 5 * MINUTE, 10 * SECOND, back)


def most_within(times: list[Millis], window: Millis) -> int:
    return max((index - bisect_right(times, at - window) + 1 for index, at in enumerate(times)), default=0)


def test_limits_that_run_out_in_a_lost_town_come_as_digests_and_an_sos_at_once(town: Town) -> None:
    chance = random.Random(7)
    lose(town, chance)
    due = chance.sample(town.names, town.homes // 10)  # their 24 h end within the hour
    when = {name: LOST + 5 * MINUTE + chance.randrange(50 * MINUTE) for name in due}
    grave = [next(name for name in due if town.officer(name) == f"officer{number}") for number in (1, 2, 3)]
    pressed, at = next(name for name in town.names if name not in due), LOST + 30 * MINUTE

    def fall_due(name: str) -> None:
        when[name] = town.clock.home
        town.office.take(town.found(name, RuleKey.CANNOT_VERIFY, Level.WARNING))

    limits: list[Happening] = [(when[name], lambda name=name: fall_due(name)) for name in due]  # type: ignore[misc]
    town.run(at, MINUTE, [each for each in limits if each[0] <= at])

    town.office.take(town.found(pressed, RuleKey.SOS, Level.DANGER))
    town.run(at + 10 * SECOND, SECOND, [])
    [(told_at, _)] = [(told, said) for told, said in town.told(town.officer(pressed), "opened") if said.level == "danger"]
    assert told_at <= at + 10 * SECOND, "an SOS in the middle reaches its person within 10 s"

    town.run(LOST + 57 * MINUTE, MINUTE, [each for each in limits if each[0] > at])
    for name in grave:
        town.office.take(town.found(name, RuleKey.CANNOT_VERIFY, Level.DANGER))
    town.run(BACK, 10 * SECOND, [])
    for name in grave:
        [(_, said)] = town.told(town.officer(name), "risen")
        assert (said.level, said.code) == ("danger", town.code(name)), "at danger they are told singly"

    homes = town.listed()
    late = max((one.told_at or BACK) - when[name] for name, one in homes.items() if name in when)
    assert late <= STAGE, "whoever falls due is in the digest of the next ten minutes"
    for number in range(1, 6):
        digests = town.told(f"officer{number}", "outage_digest")
        assert most_within([told for told, _ in digests], STAGE - 1) == 1, "one digest for each person and stage"
        mine = [name for name in due if town.officer(name) == f"officer{number}"]
        before_end = sum(int(said.code) for _, said in digests)
        waiting = sum(homes[name].told_at is None for name in mine)
        assert before_end + waiting == len(mine), "each home once, none left out"
        by_code = {town.code(name): name for name in mine}
        for _, said in digests:
            quiet = [homes[by_code[code]].quiet_since or 0 for code in said.codes]
            assert quiet == sorted(quiet), "the worst first"
            assert len(said.codes) == min(NAMED, int(said.code)) == int(said.code) - said.more

    for name in (pressed, *grave):  # somebody goes at once; a danger nobody takes climbs on, and passes every limit
        town.office.desk.resolve(
            town.office.check_of(name).id, actor=town.officer(name), dong=None, outcome=Outcome.SAFE_BY_VISIT
        )
    settle(town, chance, due, grave)


def settle(town: Town, chance: random.Random, due: list[str], grave: list[str]) -> None:
    """The town comes back: what people found is settled, the rest is let go in stages, and nobody was told too much."""
    for name in chance.sample(sorted(set(due) - set(grave)), len(due) // 3):
        actor = town.officer(name)
        town.office.desk.resolve(town.office.check_of(name).id, actor=actor, dong=None, outcome=Outcome.SAFE_BY_PHONE)
    mark = len(town.said)
    come_back(town, set(due[: len(due) // 4]))
    [outage] = town.office.outages.recent(town.clock.home, dong=None)
    assert (outage.kind, outage.lost, outage.gateways) == ("site", town.homes, town.homes), "one outage"
    ended = outage.ended_at or 0
    assert BACK <= ended <= BACK + 5 * MINUTE
    waiting = defaultdict(list)
    for name in due:
        found = [one for one in town.office.desk.checks(dong=None, household=name) if one.state is CheckState.OPEN]
        if found and name not in grave:
            waiting[town.officer(name)].append(name)
    stages = max(-(-len(names) // BATCH) for names in waiting.values())
    town.run(ended + SETTLE + stages * STAGE, MINUTE, [])
    after = town.listed()
    for person, names in waiting.items():
        let_go = sorted(names, key=lambda name: (after[name].quiet_since or 0, name))
        batches = [let_go[first : first + BATCH] for first in range(0, len(names), BATCH)]
        stages_at = [{after[name].told_at or 0 for name in batch} for batch in batches]
        assert all(len(at) == 1 for at in stages_at), "a stage lets go of so many at once"
        released = [min(at) for at in stages_at]
        assert released == sorted(set(released)) and released[0] >= ended + SETTLE, "the worst are let go first"
        for at, batch in zip(released, batches, strict=True):
            said = [one for told, one in town.told(person, "outage_digest") if told == at and int(one.code) == len(batch)]
            held = [one for told, one in town.told(person, "digest") if at <= told <= at + 10 * MINUTE]
            assert said or held, "told, or in the digest of somebody who was told ten things before"
    assert town.office.outages.recent(town.clock.home, dong=None)[0].closed_at is not None
    assert any(said.kind == "outage_over" for _, _, said in town.said[mark:])
    by_person = defaultdict(list)
    for at, person, _ in town.said:
        by_person[person].append(at)
    assert max(most_within(times, 10 * MINUTE) for times in by_person.values()) <= 10
    outages = [one for one in town.office.desk.checks(dong=None, limit=500) if one.alerts[0].rule is RuleKey.OUTAGE]
    assert len(outages) == 1


def test_a_flood_in_many_dongs_is_told_dong_by_dong_and_a_second_person_comes(town: Town) -> None:
    town.run(MORNING + 10 * HOUR, 2 * HOUR, [])
    town.office.rota.add_shift(desk="night", login="officer1", by="gu")  # the night desk answers for all dongs
    town.office.rota.add_shift(desk="night", login="officer2", position=2, by="gu")
    town.run(town.clock.home + MINUTE, SECOND * 10, [])
    mark, began = len(town.said), town.clock.home
    worst = {"dong-1": 9, "dong-2": 5, "dong-3": 3}
    homes = [f"hh-{dong[5:]}-{number}" for dong, count in worst.items() for number in range(1, count + 1)]
    for name in homes:
        town.office.take(town.found(name, RuleKey.HEAT, Level.WARNING))
        town.run(town.clock.home + 10 * SECOND, 10 * SECOND, [])
    flood = [(to, said.dong, said.code) for _, to, said in town.said[mark:] if said.kind == "flood"]
    assert flood == [("officer2", "dong-1", "9"), ("officer2", "dong-2", "2")], "when the eleventh came"
    shared = [name for name in homes[11:] if any(to == "officer2" and said.code == town.code(name) for _, to, said in town.said)]
    assert shared == homes[11:], "new checks go to both"
    assert most_within([at for at, to, _ in town.said if to == "officer1"], 10 * MINUTE) <= 10
    town.run(began + 30 * MINUTE, MINUTE, [])
    [digest] = [said for _, to, said in town.said if to == "officer1" and said.kind == "digest"]
    assert digest.codes and town.clock.home < began + DAY
