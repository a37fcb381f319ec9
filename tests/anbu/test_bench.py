"""The benchmark of the way in: one short run against a real Mosquitto ends with every figure it promises."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from anbu.cli import app

FIGURES = {
    "messages_per_s",
    "noop_messages_per_s",
    "ratio",
    "pack_readings_per_s",
    "ack_ms_p50",
    "ack_ms_p99",
    "sos_ms_p50",
    "sos_ms_p99",
    "flooded_ack_ms_p99",
    "flooded_sos_ms_p99",
    "flood_left_out",
    "cpu_us_per_message",
    "peak_rss_mb",
}


@pytest.mark.mosquitto
def test_a_short_run_reports_every_figure_in_one_line(mosquitto_broker: object) -> None:
    words = "bench ingest --json --households 1000 --messages 2000 --rounds 1 --readings 10000 --sos-seconds 1"
    ran = CliRunner().invoke(app, words.split())
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.output.strip().splitlines()[-1])
    assert report.keys() >= FIGURES
    assert all(report[figure] > 0 for figure in FIGURES)


def test_a_broker_nobody_knows_is_refused() -> None:
    ran = CliRunner().invoke(app, ["bench", "ingest", "--broker", "carrier-pigeon"])
    assert ran.exit_code == 1
    assert "mosquitto, nats" in ran.output
