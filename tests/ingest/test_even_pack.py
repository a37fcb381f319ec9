"""Proves that a pack read as columns means what the same pack means record by record, and that nothing odd is read so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import DAY, HOUR
from ingest.decode import Decoder
from ingest.dialects.even_pack import hear_even_pack
from ingest.dialects.port import Route
from ingest.dialects.registry import make_dialects
from ingest.dialects.senml import Senml
from ingest.facts import DeviceRemoved
from ingest.reading import DeviceId, Reading
from tests.ingest.entry_parts import ENROLLED, NOON, Log, enrolled_home, seconds, topic


class RecordByRecord(Senml):
    """The same dialect, which does not know of even packs."""

    def route(self, topic: str) -> Route | None:
        route = super().route(topic)
        return None if route is None else route._replace(hear_even=None)


def pack(records: list[dict[str, Any]], *, boot: Any = 1, seq: Any = 1, base: dict[str, Any] | None = None) -> bytes:
    return msgspec.json.encode([{"n": "boot", "v": boot, **(base or {})}, {"n": "seq", "v": seq}, *records])


_names = st.sampled_from(
    ["pir-1/motion", "th-1/temperature", "th-1/humidity", "door-1/door", "phone-1/call", "phone-1/steps", "pir-1/battery"]
)
_odd_names = st.sampled_from(
    ["", "motion", "pir-2/motion", "nobody/motion", "sos-1/sos", "gw-1/status", "pir-1/wind", "phone-1/phone"]
)
_values = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 3.0, 21.5, 85.0, 100.0]), st.floats(-50, 120), st.integers(-3, 120))
_ago = st.one_of(st.just(0.0), st.floats(0, 200_000), st.sampled_from([-200.0, -400.0, 10 * DAY / 1_000]))
_record = st.fixed_dictionaries(
    {"n": st.one_of(_names, _names, _names, _odd_names), "v": _values},
    optional={"t": _ago.map(lambda ago: seconds(NOON) - ago), "u": st.sampled_from(["Cel", "%RH", "/", None])},
)
_even = st.fixed_dictionaries({"n": _names, "v": st.sampled_from([0.0, 1.0]), "t": st.floats(0, 3_600)})
_base = st.fixed_dictionaries({"bt": st.sampled_from([seconds(NOON - HOUR), 0, None])})


def decoded(decoder: Decoder, payloads: list[tuple[bytes, dict[str, bool]]]) -> tuple[list[Any], bytes]:
    log = Log()
    enrolled_home(log)
    enrolled_home(log, household=msgspec.convert("hh-2", str), devices=("pir-2",))  # type: ignore[arg-type]  # a NewType
    for payload, how in payloads:
        log.say(topic("gw-1", "pack"), payload, **how)
    log.fact(DeviceRemoved(fact_id="gone", at=log.at, device_id=DeviceId("th-1")))
    for payload, how in payloads:
        log.say(topic("gw-1", "pack"), payload, **how)
    return list(decoder.read(log.entries)), decoder.snapshot()


_how = st.sampled_from([{}, {}, {"retain": True}, {"dup": True}, {"catching_up": True}])
_packs = st.one_of(
    st.builds(pack, st.lists(_even, min_size=1, max_size=8), seq=st.integers(0, 3), base=st.just({"bt": seconds(NOON - HOUR)})),
    st.builds(pack, st.lists(_record, max_size=6), boot=st.sampled_from([1, 2]), seq=st.integers(0, 3), base=_base),
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.tuples(_packs, _how), min_size=1, max_size=4))
def test_a_pack_means_the_same_read_as_columns_or_record_by_record(payloads: list[tuple[bytes, dict[str, bool]]]) -> None:
    by_columns, by_record = Decoder(make_dialects(("native", "senml"))), Decoder([RecordByRecord()])
    assert decoded(by_columns, payloads) == decoded(by_record, payloads)


def test_an_ordinary_pack_is_read_as_columns() -> None:
    heard = hear_even_pack(
        pack(
            [{"n": "temperature", "u": "Cel", "v": 21}, {"n": "humidity", "v": 40.5, "t": 60}], base={"bn": "th-1/", "bt": 1.7e9}
        )
    )
    assert heard is not None
    assert (heard.boot, heard.seq, heard.first, heard.devices) == (1, 1, 2, ["th-1"])
    assert (heard.sensor.tolist(), heard.value.tolist(), heard.t.tolist()) == ([0, 0], [21.0, 40.5], [1.7e9, 1.7e9 + 60])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        pack([]),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}], boot=1.5),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}], seq=-1),
        pack([{"n": "pir-1/motion", "v": 1}]),
        pack([{"n": "pir-1/motion", "v": 1, "t": 5.0}]),
        pack([{"n": "pir-1/motion", "v": 2, "t": 1.7e9}]),
        pack([{"n": "pir-1/motion", "v": 0.5, "t": 1.7e9}]),
        pack([{"n": "pir-1/motion", "vb": True, "t": 1.7e9}]),
        pack([{"n": "th-1/temperature", "v": 85, "t": 1.7e9}]),
        pack([{"n": "th-1/temperature", "u": "K", "v": 20, "t": 1.7e9}]),
        pack([{"n": "sos-1/sos", "v": 1, "t": 1.7e9}]),
        pack([{"n": "phone-1/phone", "v": 1, "t": 1.7e9}]),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}, {"n": "a", "v": 1, "bn": "b/"}]),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}, {"n": "pir-1/motion", "v": 1, "bt": 1.7e9}]),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}]).replace(b'"t"', b'"\\u0062t"'),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}] * 1_001),
        pack([{"n": "pir-1/motion", "v": 1, "t": 1.7e9}]) + b" " * 131_072,
    ],
)
def test_what_is_not_even_is_left_to_be_read_record_by_record(payload: bytes) -> None:
    assert hear_even_pack(payload) is None


def test_what_comes_before_its_enrolment_is_not_believed_in_columns_either() -> None:
    log, decoder = Log(), Decoder(make_dialects(("native", "senml")))
    enrolled_home(log)
    log.say(topic("gw-1", "pack"), pack([{"n": "pir-1/motion", "v": 1, "t": seconds(ENROLLED) + late} for late in (-1, 0)]))
    items = [one for one in decoder.read(log.entries).items() if isinstance(one, Reading)]
    assert [one.credible for one in items] == [False, True]
