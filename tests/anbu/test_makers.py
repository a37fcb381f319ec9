"""What makers of devices are told: one message judged without a site, and a document that says no more than the code does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from anbu.asyncapi import document, document_text
from anbu.device_check import check_message
from ingest.clock import Millis
from ingest.dialects.native import NATIVE_SIGNALS
from ingest.reading import Signal
from ingest.wire import decode_ack
from tests.anbu.typing_anbu import anbu
from tests.ingest.dialect_cases import NAMES, fixture_of

NOW: Millis = 1_767_268_800_000
NATIVE = "anbu/v1/dong-1/hh-1/dev-1/{}"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def messages() -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["messages"]
    return found


def test_the_document_in_docs_is_the_one_the_code_makes() -> None:
    kept = (Path(__file__).parents[2] / "docs" / "asyncapi.json").read_text(encoding="utf-8")
    assert kept == document_text(), "run: anbu device asyncapi > docs/asyncapi.json"
    assert anbu("device", "asyncapi").stdout == kept


def test_the_document_has_the_form_of_asyncapi_3() -> None:
    made = document()
    assert made["asyncapi"] == "3.0.0" and {"title", "version"} <= made["info"].keys()
    for reference in references(made):
        at: Any = made
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    for name, channel in made["channels"].items():
        assert {f"{{{place}}}" for place in channel["parameters"]} == {p for p in channel["address"].split("/") if "{" in p}
        action = "send" if name == "ack" else "receive"
        operation = made["operations"][f"{action}_{name}"]
        assert (operation["action"], operation["channel"]["$ref"]) == (action, f"#/channels/{name}")
    assert set(made["channels"]) == {signal.value for signal in Signal} - {Signal.CALL_MISSED.value} | {"pack", "ack"}


@pytest.mark.parametrize("name", [*(signal.value for signal in NATIVE_SIGNALS), "pack"])
def test_every_example_of_the_document_is_taken(name: str) -> None:
    for example in messages()[name]["examples"]:
        verdict = check_message(NATIVE.format(name), msgspec.json.encode(example["payload"]), at=NOW)
        assert verdict.well, verdict


def test_the_acknowledgement_of_the_document_is_one() -> None:
    (example,) = messages()["ack"]["examples"]
    assert decode_ack(msgspec.json.encode(example["payload"])).upto == 12345


@pytest.mark.parametrize("name", [signal.value for signal in NATIVE_SIGNALS])
def test_the_limits_of_the_document_are_those_of_the_decoder(name: str) -> None:
    schema = messages()[name]["payload"]["properties"].get("v", {})
    allowed = list(schema.get("enum", []))
    refused: list[Any] = ["?"]
    if "minimum" in schema:
        allowed += [schema["minimum"], schema["maximum"] - 0.5]
        refused += [schema["minimum"] - 1, schema["maximum"] + 1]
    elif allowed and not isinstance(allowed[0], str):
        refused += [max(allowed) + 1]
    if not schema or name == "call":
        return
    for value in allowed:
        assert check_message(NATIVE.format(name), json.dumps({"v": value}).encode(), at=NOW).well, value
    for value in refused:
        assert not check_message(NATIVE.format(name), json.dumps({"v": value}).encode(), at=NOW).well, value


@pytest.mark.parametrize("name", NAMES)
def test_check_names_the_dialect_and_what_would_be_life(name: str) -> None:
    fixture = fixture_of(name)
    sample = fixture.life()
    for before in fixture.samples("before"):
        assert check_message(before.topic, before.payload(NOW), at=NOW).dialect == name
    verdict = check_message(sample.topic, sample.payload(NOW), at=NOW, zone=sample.zone)
    assert (verdict.dialect, verdict.address) == (name, fixture.raw.get("address"))
    if name != "sparkplug":  # by itself an alias means nothing
        assert any(value.signal == "motion" and value.life for value in verdict.values)
    assert not any(one.life for one in check_message(sample.topic, sample.payload(NOW), at=NOW, retain=True).values)


def test_check_says_what_is_wrong_and_ends_with_1() -> None:
    told = anbu("device", "check", "--topic", NATIVE.format("temperature"), "--payload", '{"v": 99}', "--json")
    assert told.exit_code == 1 and json.loads(told.stdout)["refusals"][0]["reason"] == "out_of_range"
    assert anbu("device", "check", "--topic", "garage/door", "--payload", "open").exit_code == 1
    assert anbu("device", "check", "--topic", NATIVE.format("motion"), "--payload", '{"v": 1}').exit_code == 0
    assert "zz" not in anbu("device", "check", "--topic", "a", "--payload", "hex:zz").stdout
