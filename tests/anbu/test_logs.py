"""Proves that our events and the libraries' leave by one chain, with machine time and without personal fields."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from anbu.logs import drop_personal, set_up_logs
from ingest.clock import SystemClock


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_json_line_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json", SystemClock())
    structlog.get_logger("ingest.source").info("broker connected", port=1883)
    (line,) = lines(capsys)
    assert str(line.pop("at")).endswith("+09:00")
    assert line == {"event": "broker connected", "port": 1883, "level": "info", "logger": "ingest.source"}


def test_libraries_speak_through_the_same_chain(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json", SystemClock())
    logging.getLogger("uvicorn.error").info("started on %s", 8080, extra={"color_message": "twice"})
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("apscheduler.executors.default").warning("job %s missed", "sessions")
    said = lines(capsys)
    assert [line["event"] for line in said] == ["started on 8080", "job sessions missed"]
    assert "color_message" not in said[0]


def test_personal_keys_never_leave(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json", SystemClock())
    structlog.get_logger("x").info("viewed", household_id="home-1", phone="010-0000-1234", address="바람길 1")
    logging.getLogger("library").info("sent", extra={"resident": "김하늘"})
    first, second = lines(capsys)
    assert first["household_id"] == "home-1" and first["dropped"] == ["address", "phone"]
    assert second["dropped"] == ["resident"]
    assert "010-" not in str(first) and "김" not in str(second)


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_variables(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", style, SystemClock())

    def fail() -> None:
        name = "김하늘"
        raise RuntimeError(f"{len(name)} letters")

    try:
        fail()
    except RuntimeError:
        structlog.get_logger("x").exception("it failed", household_id="home-1")
    told = capsys.readouterr().err
    assert "RuntimeError: 3 letters" in told and "home-1" in told
    assert told.count("김하늘") == 0 or 'name = "김하늘"' in told  # a line of source is no variable
    assert "locals" not in told


def test_the_level_holds_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("warning", "json", SystemClock())
    structlog.get_logger("x").info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger("x").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_a_clean_event_is_left_as_it_is() -> None:
    assert drop_personal(None, "info", {"event": "x", "device_id": "pir-1"}) == {"event": "x", "device_id": "pir-1"}
