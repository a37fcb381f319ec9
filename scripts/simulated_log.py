"""Writes a simulated dong's days as `anbu journal export` would, for `anbu backtest`: `simulated_log.py FILE`.

Only what somebody does is written (motion, doors, calls, the telephone), which is what the absence rules go by; the devices
are enrolled as ones that speak only then.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ingest.clock import HOUR, Millis
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled
from ingest.reading import DeviceId, DongCode, HouseholdId
from simulators.fleet import Fleet
from simulators.message import SimMessage

BEGINS: Millis = 1_761_922_800_000
"""2025-11-01T00:00 in Seoul."""

_DONE = ("/motion", "/door", "/call", "/phone", "/steps")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--homes", type=int, default=60)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    fleet = Fleet(asked.seed, households=asked.homes, start=BEGINS)
    encoder = msgspec.json.Encoder()
    with gzip.open(asked.file, "wb", compresslevel=3) as out:
        out.write(encoder.encode({"anbu_journal": 1, "first": 1, "last": 0}) + b"\n")
        for offset, line in enumerate(lines(fleet, asked.days), 1):
            out.write(encoder.encode({"offset": offset, **line}) + b"\n")


def lines(fleet: Fleet, days: int) -> Iterator[dict[str, object]]:
    """Enrolments, then messages, without their offsets."""
    for fact in enrolments(fleet):
        yield {"received_at": fact.at, "fact": fact}
    for hour in range(days * 24):
        for sent in fleet.messages(BEGINS + hour * HOUR, BEGINS + (hour + 1) * HOUR):
            if sent.topic.endswith(_DONE):
                yield {"received_at": sent.at, "message": message(sent)}


def message(sent: SimMessage) -> dict[str, object]:
    """As the export writes it."""
    return {
        "topic": sent.topic,
        "source": "simulated",
        "received_at": sent.at,
        "text": sent.payload.decode(),
        "retain": sent.retain,
    }


def enrolments(fleet: Fleet) -> Iterator[Fact]:
    """Every home with its devices, as of the beginning."""
    for home in fleet.homes:
        household = HouseholdId(home.household_id)
        yield HouseholdEnrolled(
            fact_id=f"home-{household}", at=BEGINS, household_id=household, dong_code=DongCode(home.dong_code), grade=home.grade
        )
        for device in home.devices:
            yield DeviceEnrolled(
                fact_id=f"device-{device.device_id}",
                at=BEGINS,
                device_id=DeviceId(device.device_id),
                household_id=household,
                signals=device.signals,
                report_interval_s=0,  # what reports by itself is left out, and must not be missed
            )


if __name__ == "__main__":
    main()
