"""Random days of two homes in an hour and a half: every signal, facts of staff and of our link, late and repeated readings."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from msgspec import structs

from ingest.clock import MINUTE, SECOND, Millis
from ingest.facts import (
    AwayDeclared,
    AwayEnded,
    CheckResolved,
    DeviceEnrolled,
    HouseholdEnded,
    HouseholdEnrolled,
    HouseholdLimit,
    LinkDown,
    LinkUp,
    RulesApplied,
    RunStarted,
    SeasonDeclared,
    SeasonEnded,
)
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from rules.engine import Item
from rules.table import DEFAULT, RuleTable, read_table
from tests.rules.rule_parts import START, received_at

LAST: Millis = 90 * MINUTE
HOMES = ("hh-1", "hh-2")


def hasty_table() -> RuleTable:
    """The default table with hours as minutes and days as quarters of an hour, so that an hour and a half holds everything."""
    return read_table(hasty_text())


def hasty_text() -> str:
    """Its text."""
    text = DEFAULT.read_text(encoding="utf-8").replace("90 s", "30 s").replace("14 d", "40 min")
    for level, minutes in (("caution", 30), ("warning", 40), ("danger", 50)):
        days = {"caution": "3 d", "warning": "4 d", "danger": "5 d"}[level]
        text = text.replace(f'{level} = "{days}"', f'{level} = "{minutes} min"')
    for old, new in (("30 min", "3 min"), ("10 min", "1 min"), ("6 h", "6 min"), ("15 min", "2 min")):
        text = text.replace(f'"{old}"', f'"{new}"')
    for hours in (48, 24, 12, 8, 6, 4, 2, 1):
        text = text.replace(f'"{hours} h"', f'"{hours} min"')
    return text.replace('stuck_pause = "1 min"', 'stuck_pause = "2 min"')  # a motion comes late by less than is kept of them


def patient_table(pause: int) -> RuleTable:
    """The same, where motions without a pause of so many minutes, or at one pace, are those of a stuck sensor after 40.

    As with the default table, what comes late does not belong to such a run that another one has followed.
    """
    text = hasty_text().replace('stuck_pause = "2 min"', f'stuck_pause = "{pause} min"')
    for old in ('stuck_on = "12 min"', 'stuck_paced = "6 min"'):
        text = text.replace(old, f'{old.partition(" ")[0]} = "40 min"')
    return read_table(text)


def other_texts() -> list[str]:
    """Tables that a supervisor may apply: the first again, a careful one with seasons and hours, one with levels left out,
    and one that no version can read."""
    text = hasty_text()
    careful = text.replace('caution = "8 min"', 'caution = "5 min"\nactive = "09:10-10:05"').replace("= 1.0", "= 0.9")
    careful = careful.replace('breach = "at_or_above"', 'breach = "at_or_above"\nactive = "09:25-10:20"')
    careful = careful.replace('door_gap = "30 s"', 'door_gap = "10 s"')
    careful += """
[season.heatwave.heat]
caution = { raise_at = 30.0, clear_at = 29.0, dwell = "1 min" }
[season.heatwave.motion]
warning = "9 min"
[season.heatwave.heat_inactive]
inactive = "2 min"
[season.coldwave.cold]
danger = { raise_at = 16.5, clear_at = 17.5, dwell = "2 min" }
"""
    fewer = "\n".join(line for line in text.splitlines() if not line.startswith(("danger  = {", "warning = {")))
    return [text, careful, fewer, "no table"]


def _pick(*values: float) -> st.SearchStrategy[float]:
    return st.sampled_from(values)


_READINGS: list[tuple[str, Signal, st.SearchStrategy[float]]] = [
    ("pir", Signal.MOTION, _pick(1, 1, 0)),
    ("pir2", Signal.MOTION, _pick(1)),
    ("pir", Signal.DOOR, _pick(0, 1, 2, 3)),
    ("pir", Signal.STEPS, _pick(0, 5)),
    ("ph", Signal.CALL, _pick(0, 1)),
    ("ph", Signal.PHONE, _pick(-1, 0, 1)),
    ("th", Signal.TEMPERATURE, _pick(3.5, 11, 15.5, 17, 18.5, 25, 30.2, 31.5, 33.4, 36)),
    ("th", Signal.HUMIDITY, _pick(10, 21, 50, 79, 90)),
    ("th2", Signal.TEMPERATURE, _pick(15.5, 25, 31.5, 36)),
    ("gw", Signal.STATUS, _pick(0, 1)),
    ("pir", Signal.SOS, _pick(1)),
]

TEXTS = other_texts()
_RULES = (
    "motion",
    "call",
    "phone",
    "cannot_verify",
    "away",
    "heat",
    "cold",
    "humidity",
    "sos",
    "motion_phone",
    "heat_inactive",
    "cold_inactive",
    "away_motion",
    "frozen",
)


@st.composite
def readings(draw: st.DrawFn, at: Millis) -> Reading:
    """A reading that comes at `at`, observed up to a quarter of an hour earlier."""
    home = draw(st.sampled_from(HOMES))
    device, signal, values = draw(st.sampled_from(_READINGS))
    late = draw(st.sampled_from([0, 0, 0, 5 * SECOND, 4 * MINUTE, 15 * MINUTE]))
    return Reading(
        offset=at,
        dong_code=DongCode("dong-1"),
        household_id=HouseholdId(home),
        device_id=DeviceId(f"{device}-{home}"),
        signal=signal,
        value=draw(values),
        observed_at=START + max(0, at - late),
        received_at=START + at,
        credible=draw(st.sampled_from([True, True, True, True, False])),
    )


@st.composite
def states_of_devices(draw: st.DrawFn, at: Millis) -> Reading:
    """What a device says of its battery, its radio link or its SIM card."""
    signal, values = draw(st.sampled_from([(Signal.BATTERY, [3, 15, 22, 80]), (Signal.LINK, [5, 10, 60]), (Signal.SIM, [8, 9])]))
    home = draw(st.sampled_from(HOMES))
    return structs.replace(
        draw(readings(at)),
        household_id=HouseholdId(home),
        device_id=DeviceId(f"ph-{home}"),
        signal=signal,
        value=float(draw(st.sampled_from(values))),
        credible=True,
    )


@st.composite
def runs_of_samples(draw: st.DrawFn, at: Millis) -> list[Reading]:
    """A sensor that says the same for some minutes, so that dwells are filled."""
    home = draw(st.sampled_from(HOMES))
    device, signal, values = draw(st.sampled_from(_READINGS[6:9]))
    value, count = draw(values), draw(st.integers(2, 9))
    return [
        Reading(
            offset=at + number,
            dong_code=DongCode("dong-1"),
            household_id=HouseholdId(home),
            device_id=DeviceId(f"{device}-{home}"),
            signal=signal,
            value=value,
            observed_at=START + at + number * MINUTE,
            received_at=START + at + number * MINUTE,
        )
        for number in range(count)
    ]


@st.composite
def runs_of_motions(draw: st.DrawFn, at: Millis) -> list[Reading]:
    """A sensor that tells motion at one pace, or nearly, for as long as no person would."""
    home, pace = draw(st.sampled_from(HOMES)), draw(st.sampled_from([10, 30, 50, 90]))
    name = draw(st.sampled_from(["pir", "pir", "pir2"]))
    uneven = draw(st.sampled_from([0, 0, 9]))
    return [
        Reading(
            offset=at + number,
            dong_code=DongCode("dong-1"),
            household_id=HouseholdId(home),
            device_id=DeviceId(f"{name}-{home}"),
            signal=Signal.MOTION,
            value=1.0,
            observed_at=START + at + (number * pace + number * number % 7 * uneven) * SECOND,
            received_at=START + at + (number * pace + number * number % 7 * uneven) * SECOND,
        )
        for number in range(draw(st.sampled_from([8, 16, 40, 60])))
    ]


@st.composite
def facts(draw: st.DrawFn, at: Millis) -> Item:
    """Something staff did, or that befell our link."""
    home, name, when = HouseholdId(draw(st.sampled_from(HOMES))), f"fact-{at}", START + at
    makers: list[Callable[[], Item]] = [
        lambda: AwayDeclared(
            fact_id=name, at=when, household_id=home, returns_at=when + draw(st.integers(0, 30)) * MINUTE, reason="travel"
        ),
        lambda: AwayEnded(fact_id=name, at=when, household_id=home),
        lambda: CheckResolved(
            fact_id=name,
            at=when,
            check_id="c",
            household_id=home,
            outcome=draw(st.sampled_from(["safe_by_phone", "safe_by_automatic_call", "device_fault"])),
            rules=tuple(draw(st.sets(st.sampled_from(_RULES), max_size=9))),
        ),
        lambda: LinkDown(fact_id=name, at=when, source="mqtt"),
        lambda: LinkUp(fact_id=name, at=when, source="mqtt"),
        lambda: RunStarted(fact_id=name, at=when, run_id=name),
        lambda: RulesApplied(fact_id=name, at=when, version="v", table=draw(st.sampled_from(TEXTS))),
        lambda: SeasonDeclared(
            fact_id=name,
            at=when + draw(st.sampled_from([-60, 0, 5, 90])) * SECOND,
            season=draw(st.sampled_from(["heatwave", "coldwave", "autumn"])),
            until=when + draw(st.integers(0, 30)) * MINUTE,
        ),
        lambda: SeasonEnded(fact_id=name, at=when, season=draw(st.sampled_from(["heatwave", "coldwave", "autumn"]))),
        lambda: HouseholdLimit(
            fact_id=name,
            at=when,
            household_id=home,
            rule=draw(st.sampled_from(["motion", "phone", "cannot_verify", "heat", "cold", "damp", "heat_inactive", "nonsense"])),
            level=draw(st.integers(0, 3)),
            limit=draw(st.sampled_from([None, 15.0, 17.0, 30.0, 4.0 * MINUTE, 10.0 * MINUTE, 100.0 * MINUTE])),
        ),
        lambda: HouseholdEnded(fact_id=name, at=when, household_id=home),
    ]
    return draw(st.sampled_from(makers[:10] * 4 + makers[10:]))()


@st.composite
def streams(draw: st.DrawFn) -> list[Item]:
    """Enrolments at the start, then a stream in the order of its receive times; some items come twice."""
    items: list[Item] = []
    for home in HOMES:
        items.append(
            HouseholdEnrolled(fact_id=f"h-{home}", at=START, household_id=HouseholdId(home), dong_code=DongCode("dong-1"))
        )
        often = draw(st.sampled_from([0, 0, 120, 600]))
        signals = {"pir": ("motion", "door"), "ph": ("call", "phone"), "th": ("temperature",), "th2": (), "gw": ("status",)}
        signals["pir2"] = ("motion",)
        chosen = draw(st.sampled_from([list(signals), ["ph", "th", "th2", "gw"], ["pir", "gw"]]))
        items += [
            DeviceEnrolled(
                fact_id=f"d-{name}-{home}",
                at=START,
                device_id=DeviceId(f"{name}-{home}"),
                household_id=HouseholdId(home),
                signals=signals[name] if name in chosen else (),
                report_interval_s=60 if name == "th" else often if name in ("pir", "ph") else 0,
            )
            for name in signals
        ]
    for at in draw(st.lists(st.integers(0, LAST // SECOND), min_size=1, max_size=35)):
        kind = draw(st.sampled_from(["reading", "reading", "run", "fact"] * 3 + ["stuck"]))
        if kind == "run":
            items += draw(runs_of_samples(at * SECOND))
        elif kind == "stuck":
            items += draw(runs_of_motions(at * SECOND))
        else:
            items.append(draw((readings if kind == "reading" else facts)(at * SECOND)))
            if isinstance(items[-1], Reading) and draw(st.integers(0, 9)) == 0:
                items.append(items[-1])
    items.sort(key=received_at)
    return [structs.replace(item, offset=place) if isinstance(item, Reading) else item for place, item in enumerate(items, 1)]


CLIMATE = frozenset({Signal.TEMPERATURE, Signal.HUMIDITY})


@st.composite
def bursts(draw: st.DrawFn) -> tuple[list[Item], list[Reading]]:
    """Two homes with every device, and readings of an hour and a half that all come at its end: offsets stay with them."""
    items = [item for item in draw(streams()) if isinstance(item, HouseholdEnrolled | DeviceEnrolled)]
    ats = draw(st.lists(st.integers(0, LAST // SECOND), min_size=1, max_size=30))
    told = [draw(readings(at * SECOND)) for at in ats]
    told += [draw(states_of_devices(at * SECOND)) for at in draw(st.lists(st.integers(0, LAST // SECOND), max_size=8))]
    for at in draw(st.lists(st.integers(0, LAST // SECOND), max_size=2)):
        told += [one for one in draw(runs_of_motions(at * SECOND)) if one.observed_at <= START + LAST]
    came = [structs.replace(one, offset=place, received_at=START + LAST) for place, one in enumerate(told, 1)]
    return items, [one for one in came if one.signal is not Signal.STATUS] or [draw(readings(0))]


@st.composite
def weathers(draw: st.DrawFn) -> tuple[list[Item], list[Reading]]:
    """Homes and readings as of `bursts`, and runs of samples besides, each received when it was observed.

    No sensor has an interval here: whether one is silent is a matter of when it was heard.
    """
    enrolments, came = draw(bursts())
    enrolments = [structs.replace(one, report_interval_s=0) if isinstance(one, DeviceEnrolled) else one for one in enrolments]
    for at in draw(st.lists(st.integers(0, 80 * 60), min_size=1, max_size=8)):
        came += draw(runs_of_samples(at * SECOND))
    for at in draw(st.lists(st.integers(0, 40 * 60), max_size=2)):
        came += [one for one in draw(runs_of_motions(at * SECOND)) if one.observed_at <= START + LAST]
    readings = [one for one in came if one.signal is not Signal.SOS]
    return enrolments, [
        structs.replace(one, offset=place, received_at=one.observed_at) for place, one in enumerate(readings or came, 1)
    ]


@st.composite
def delays(draw: st.DrawFn, came: list[Reading]) -> list[Reading]:
    """The same readings, some up to half an hour late: one by one, or all of a device until its network is back."""
    away = {
        name: draw(st.tuples(st.integers(0, 90), st.integers(0, 30)))
        for name in draw(st.sets(st.sampled_from(sorted({one.device_id for one in came})), max_size=3))
    }
    late: list[Reading] = []
    for one in came:
        since, length = away.get(one.device_id, (0, 0))
        back = START + (since + length) * MINUTE
        alone = draw(st.sampled_from([0, 0, 0, 7 * SECOND, 90 * SECOND, 4 * MINUTE, 30 * MINUTE]))
        kept = back + draw(st.integers(0, 60)) * SECOND if START + since * MINUTE <= one.observed_at < back else 0
        late.append(structs.replace(one, received_at=max(one.observed_at + alone, kept)))
    return sorted(late, key=received_at)


@st.composite
def orders(draw: st.DrawFn, came: list[Reading]) -> list[Reading]:
    """The same readings in another order, some twice."""
    return draw(st.permutations([*came, *draw(st.lists(st.sampled_from(came), max_size=5))]))


NO_EVIDENCE: list[tuple[str, Signal, float, bool]] = [
    ("pir", Signal.MOTION, 0.0, True),
    ("pir", Signal.MOTION, 1.0, False),  # retained, or from before the enrolment
    ("pir", Signal.HEARTBEAT, 1.0, True),
    ("pir", Signal.BATTERY, 90.0, True),
    ("pir", Signal.SOS, 1.0, True),
    ("ph", Signal.PHONE, 0.0, True),
    ("ph", Signal.CALL, 0.0, True),
    ("ph", Signal.CALL_MISSED, 3.0, True),
    ("ph", Signal.SIM, 7.0, True),
    ("pir", Signal.STEPS, 0.0, True),
    ("th", Signal.LIGHT, 80.0, True),
    ("gw", Signal.STATUS, 1.0, True),
]
"""Device, signal, value, credible: what is no sign of life of anybody."""
