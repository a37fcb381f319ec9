"""The benchmark of the way in: one short run against a real Mosquitto ends with every figure it promises."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from anbu.cli import app
from tests.anbu.typing_anbu import anbu

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
    "unheard_ack_ms_p99",
    "unheard_sos_ms_p99",
    "flood_ack_p99_ratio",
    "flood_sos_p99_ratio",
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
    assert report["refused"] == 0, "what was measured is taking readings in, not refusing them"


def test_a_broker_nobody_knows_is_refused() -> None:
    ran = CliRunner().invoke(app, ["bench", "ingest", "--broker", "carrier-pigeon"])
    assert ran.exit_code == 1
    assert "mosquitto, nats" in ran.output


def test_the_rules_are_measured_by_number_of_households() -> None:
    done = anbu("bench", "rules", "--households", "2000", "--households", "5000", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert list(found) == ["2000", "5000"]
    for sizes in found.values():
        assert all(sizes[key] > 0 for key in ("sweep_ms", "fold_ms", "dict_ratio", "snapshot_s", "restore_s"))
        assert sizes["bytes_per_household"] <= 400 and sizes["bytes_per_habit"] <= 2048
    assert "1,000" in anbu("bench", "rules", "-n", "1000").output
