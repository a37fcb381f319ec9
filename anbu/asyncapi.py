"""The AsyncAPI 3 document of the native dialect, made from the code that reads it (docs/asyncapi.json)."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, TypeAlias

import msgspec

from ingest.dialects.native import NATIVE_SIGNALS, value_schema
from ingest.dialects.senml_names import MAX_RECORDS
from ingest.reading import Signal
from ingest.window import MAX_BOOT, MAX_SEQ
from ingest.wire import ID, MAX_PAYLOAD_BYTES, PACK, ROOT, Ack, PackRecord, Payload, ack_topic, encode_ack

Json: TypeAlias = dict[str, Any]

_ACK = "ack"
_COMMON = ("t", "boot", "seq", "bat")
_FIELDS = {Signal.CALL: ("in", "out", "missed"), Signal.STATUS: ("online",)}
"""What a message of the signal says in place of `v`."""

_EXAMPLE_TIME = 1763799243.123
_REF = "#/components/{}/{}"


def document() -> Json:
    """The document as JSON values."""
    messages = {signal.value: _message(signal) for signal in NATIVE_SIGNALS} | {PACK: _pack_message()}
    channels = {name: _channel(name) for name in messages} | {_ACK: _ack_channel()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "anbu: what a native device publishes and is told",
            "version": version("anbu"),
            "description": "MQTT 3.1.1, QoS 1. Dong and household in a topic are a claim that the register decides. "
            f"A payload has at most {MAX_PAYLOAD_BYTES} bytes.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {f"receive_{name}": _operation(name) for name in messages} | {f"send_{_ACK}": _ack_operation()},
        "components": {"messages": messages | {_ACK: _ack_message()}, "parameters": _parameters()},
    }


def document_text() -> str:
    """The document as it is kept in docs/."""
    return json.dumps(document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _channel(name: str) -> Json:
    places = ("dong", "household", "device")
    return {
        "address": f"{ROOT}/{{dong}}/{{household}}/{{device}}/{name}",
        "messages": {name: {"$ref": _REF.format("messages", name)}},
        "parameters": {place: {"$ref": _REF.format("parameters", place)} for place in places},
    }


def _ack_channel() -> Json:
    return {
        "address": ack_topic("{device}"),
        "messages": {_ACK: {"$ref": _REF.format("messages", _ACK)}},
        "parameters": {"device": {"$ref": _REF.format("parameters", "device")}},
    }


def _ack_operation() -> Json:
    return {
        "action": "send",
        "summary": "Sent once the journal holds them: the device keeps what it said until then.",
        "channel": {"$ref": f"#/channels/{_ACK}"},
        "messages": [{"$ref": f"#/channels/{_ACK}/messages/{_ACK}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": False, "bindingVersion": "0.2.0"}},
    }


def _ack_message() -> Json:
    fields: Json = msgspec.json.schema(Ack)["$defs"][Ack.__name__]["properties"]
    example = json.loads(encode_ack(Ack(boot=3, upto=12345, rejected=[12340], missing=[(12346, 12350)])))
    return {
        "name": _ACK,
        "summary": "All up to `upto` and in `kept` is settled and may be forgotten; what is `missing` is to be sent again.",
        "payload": {"type": "object", "properties": fields, "required": ["boot", "upto", "rejected"]},
        "examples": [{"payload": example}],
    }


def _operation(name: str) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": name == Signal.STATUS.value, "bindingVersion": "0.2.0"}},
    }


def _parameters() -> Json:
    shape = ID.pattern.replace("\\Z", "")
    return {
        "dong": {"description": f"Code of the dong, {shape}", "examples": ["dong-1"]},
        "household": {"description": f"Id of the household, {shape}", "examples": ["hh-1"]},
        "device": {"description": f"Id of the device or gateway, {shape}", "examples": ["pir-1"]},
    }


def _message(signal: Signal) -> Json:
    """The fields of `Payload` that a message of this signal has; others are let pass."""
    fields = _fields(Payload)
    names = [*_COMMON, *_FIELDS.get(signal, ("v",))]
    schema: Json = {"type": "object", "properties": {name: fields[name] for name in names}}
    if "v" in names:
        schema["properties"]["v"] = value_schema(signal)
        if signal is not Signal.HEARTBEAT:
            schema["required"] = ["v"]
    elif signal is Signal.STATUS:
        schema["required"] = ["online"]
    schema["properties"]["boot"] |= {"minimum": 0, "maximum": MAX_BOOT}
    schema["properties"]["seq"] |= {"minimum": 0, "maximum": MAX_SEQ}
    schema["properties"]["bat"] |= {"minimum": 0, "maximum": 100}
    example: Json = {"t": _EXAMPLE_TIME, "boot": 3, "seq": 12345}
    if signal is Signal.CALL:
        example |= {"in": 1, "out": 0, "missed": 2}
    elif signal is Signal.STATUS:
        example = {"online": False}
    else:
        example["v"] = value_schema(signal)["examples"][0]
    return {"name": signal.value, "payload": schema, "examples": [{"payload": example}]}


def _pack_message() -> Json:
    record = {"type": "object", "properties": _fields(PackRecord)}
    example = [
        {"n": "boot", "v": 3},
        {"n": "seq", "v": 12345},
        {"bn": "th-1/", "bt": _EXAMPLE_TIME, "n": "temperature", "u": "Cel", "v": 21.5},
        {"n": "humidity", "u": "%RH", "v": 44.5, "t": -60},
    ]
    return {
        "name": PACK,
        "contentType": "application/senml+json",
        "summary": "SenML (RFC 8428): the first two records are named boot and seq; bn and n make device/signal.",
        "payload": {"type": "array", "items": record, "minItems": 2, "maxItems": MAX_RECORDS + 2},
        "examples": [{"payload": example}],
    }


def _fields(struct: type[msgspec.Struct]) -> Json:
    """The properties as the decoder takes them; a field that is left out means nothing."""
    properties: Json = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    return {name: _said(schema) for name, schema in properties.items()}


def _said(schema: Json) -> Json:
    kinds = [kind["type"] for kind in schema["anyOf"] if kind["type"] != "null"]
    return {"type": kinds[0] if len(kinds) == 1 else kinds}
