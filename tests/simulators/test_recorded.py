"""Proves how a recorded home is read: every event as a message of its device, and a wrong file refused with its lines named."""

import gzip
import re
from pathlib import Path

import pytest

from ingest.clock import parse_local
from simulators.recorded import LogUnreadable, OffMeaning, RecordedLog, read_log
from tests.simulators.reading_messages import Told, told

HEADER = "timestamp,sensor,kind,value"


def written(folder: Path, *rows: str, name: str = "Garden Flat.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def events(log: RecordedLog) -> list[tuple[str, float]]:
    return [(each.topic.signal, each.number) for each in told(log.messages)]


def pairs(sensor: str, lasting: list[int]) -> list[str]:
    """ON-OFF pairs one hour apart, each lasting so many seconds."""
    rows = []
    for number, seconds in enumerate(lasting):
        day, hour = divmod(number, 24)
        minute, second = divmod(seconds, 60)
        rows.append(f"2031-03-{day + 1:02d}T{hour:02d}:00:00,{sensor},motion,ON")
        rows.append(f"2031-03-{day + 1:02d}T{hour:02d}:{minute:02d}:{second:02d},{sensor},motion,OFF")
    return rows


def test_each_row_becomes_a_message_with_its_time_and_number(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "2031-03-01T07:00:00.250,Kettle shelf,motion,ON",
        "2031-03-01T07:00:09,Porch,door,OPEN",
        "2031-03-01T07:00:11,Porch,door,CLOSE",
        "2031-03-01T07:30:00,Kettle shelf,motion,ON",
    )
    log = read_log(path)
    first = told(log.messages)[0]
    assert first == Told(parse_local("2031-03-01T07:00:00.250+09:00"), first.topic, first.payload, False)
    assert first.payload.t == first.at / 1_000
    assert (first.topic.dong_code, first.topic.household_id) == ("replay", "garden-flat")
    assert [each.payload.seq for each in told(log.messages)] == [0, 0, 1, 1]
    assert {each.payload.boot for each in told(log.messages)} == {1}
    assert (log.start, log.end) == (log.messages[0].at, log.messages[-1].at)


def test_a_door_tells_open_close_leave_and_enter(tmp_path: Path) -> None:
    rows = [f"2031-03-01T08:0{minute}:00,Porch,door,{value}" for minute, value in enumerate(("OPEN", "CLOSE", "LEAVE", "ENTER"))]
    assert events(read_log(written(tmp_path, *rows))) == [("door", 1), ("door", 0), ("door", 2), ("door", 3)]


def test_naive_times_are_seoul_and_others_are_taken_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "2031-03-01T09:00:00,Porch,door,OPEN", "2031-03-01T00:30:00+00:00,Porch,door,CLOSE")
    assert [message.at for message in read_log(path).messages] == [
        parse_local("2031-03-01T00:00:00+00:00"),
        parse_local("2031-03-01T09:30:00+09:00"),
    ]


@pytest.mark.parametrize("name", ["Garden Flat.csv.gz", "Garden Flat.csv"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    plain = written(tmp_path, "2031-03-01T09:00:00,Porch,door,OPEN", name="plain.csv").read_bytes()
    packed = tmp_path / name
    packed.write_bytes(gzip.compress(plain))
    log = read_log(packed)
    assert log.household_id == "garden-flat"
    assert events(log) == [("door", 1)]


def test_a_household_may_be_called_otherwise_than_its_file(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, "2031-03-01T09:00:00,Porch,door,OPEN"), household_id="hh-9")
    assert log.household_id == "hh-9"
    assert told(log.messages)[0].topic.household_id == "hh-9"


def test_rows_are_put_in_order_and_duplicates_are_kept(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "2031-03-01T09:00:05,Porch,door,CLOSE",
        "2031-03-01T09:00:00,Porch,door,LEAVE",
        "2031-03-01T09:00:00,Porch,door,OPEN",
        "2031-03-01T09:00:05,Porch,door,CLOSE",
        "",
    )
    assert events(read_log(path)) == [("door", 2), ("door", 1), ("door", 0), ("door", 0)]


def test_names_with_spaces_commas_or_no_latin_letter_become_different_ids(tmp_path: Path) -> None:
    names = [
        "Pantry, left",
        "Pantry - left",
        "pantry left 2",
        "찬장",
        "거실",
        "A very long name of a sensor behind the wardrobe",
        "+/#",
    ]
    path = written(tmp_path, *(f'2031-03-01T09:00:00,"{name}",motion,ON' for name in names))
    ids = [device.device_id for device in read_log(path).devices]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]{1,32}", each) for each in ids)
    assert ids[0].startswith("pantry-left-")
    assert ids == [device.device_id for device in read_log(path).devices]


def test_the_same_sensor_name_in_two_logs_gives_two_devices(tmp_path: Path) -> None:
    row = "2031-03-01T09:00:00,Porch,door,OPEN"
    one, other = read_log(written(tmp_path, row, name="one.csv")), read_log(written(tmp_path, row, name="other.csv"))
    assert one.devices[0].device_id != other.devices[0].device_id


def test_a_sensor_of_both_kinds_is_one_device_with_two_signals(tmp_path: Path) -> None:
    path = written(tmp_path, "2031-03-01T09:00:00,Hall,door,OPEN", "2031-03-01T09:00:02,Hall,motion,ON")
    (device,) = read_log(path).devices
    assert device.signals == ("door", "motion")
    assert device.report_interval_s == 0
    assert device.enrolled_at == parse_local("2031-03-01T09:00:00")


@pytest.mark.parametrize(("off", "value"), [("life", 1), ("timer", 0)])
def test_off_means_what_the_caller_says(tmp_path: Path, off: str, value: int) -> None:
    path = written(tmp_path, "2031-03-01T09:00:00,Hall,motion,ON", "2031-03-01T09:00:03,Hall,motion,OFF")
    log = read_log(path, off=off)
    assert log.off == off
    assert events(log) == [("motion", 1), ("motion", value)]


def test_off_is_a_timer_where_every_sensor_clears_itself_within_seconds(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, *pairs("Corner", [1, 3, 2, 8, 30] * 10)))
    assert log.off is OffMeaning.TIMER
    assert events(log)[:2] == [("motion", 1), ("motion", 0)]


def test_off_is_life_where_some_things_stay_on_for_long(tmp_path: Path) -> None:
    mostly_short = [*pairs("Flush", [2] * 45), *pairs("Bed", [2, 2, 1_900, 2, 2_400])]
    log = read_log(written(tmp_path, *mostly_short))
    assert log.off is OffMeaning.LIFE
    assert events(log)[:2] == [("motion", 1), ("motion", 1)]


def test_off_is_life_where_there_is_too_little_to_tell(tmp_path: Path) -> None:
    assert read_log(written(tmp_path, *pairs("Corner", [2] * 19))).off is OffMeaning.LIFE
    assert read_log(written(tmp_path, *pairs("Corner", [2] * 20))).off is OffMeaning.TIMER


def test_an_unknown_meaning_of_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sometimes"):
        read_log(written(tmp_path, "2031-03-01T09:00:00,Hall,motion,ON"), off="sometimes")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("yesterday,Hall,motion,ON", "line 3: expected an ISO 8601 date and time in `timestamp`, found 'yesterday'"),
        ("2031-03-01,Hall,motion,ON", "line 3: expected an ISO 8601 date and time"),
        ("2031-02-30T10:00:00,Hall,motion,ON", "line 3: expected an ISO 8601 date and time"),
        ("2031-03-01T10:00:00,,motion,ON", "line 3: expected a name in `sensor`"),
        ("2031-03-01T10:00:00,Hall,light,ON", "line 3: expected motion or door in `kind`, found 'light'"),
        ("2031-03-01T10:00:00,Hall,motion,OPEN", "line 3: expected ON, OFF in `value` of a motion, found 'OPEN'"),
        ("2031-03-01T10:00:00,Hall,door,ON", "line 3: expected OPEN, CLOSE, LEAVE, ENTER in `value` of a door, found 'ON'"),
        ("2031-03-01T10:00:00,Hall,motion", r"line 3: expected 4 fields (timestamp,sensor,kind,value), found 3"),
        ("2031-03-01T10:00:00,Hall,west,motion,ON", "line 3: expected 4 fields"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(tmp_path: Path, row: str, expected: str) -> None:
    path = written(tmp_path, "2031-03-01T09:00:00,Hall,motion,ON", row, "2031-03-01T11:00:00,Hall,motion,ON")
    with pytest.raises(LogUnreadable, match=re.escape(expected)) as caught:
        read_log(path)
    assert str(path) in str(caught.value)


def test_the_first_five_wrong_lines_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = written(tmp_path, *(["2031-03-01T09:00:00,Hall,motion,MAYBE"] * 8))
    with pytest.raises(LogUnreadable, match="and 3 more") as caught:
        read_log(path)
    assert re.findall(r"line (\d+):", str(caught.value)) == ["2", "3", "4", "5", "6"]


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    cases = {
        "header.csv": b"time,name,value\n",
        "empty.csv": b"",
        "no-events.csv": HEADER.encode() + b"\n",
        "latin.csv": HEADER.encode() + b"\n2031-03-01T09:00:00,K\xfcche,motion,ON\n",
        "cut.csv.gz": gzip.compress(HEADER.encode() * 100)[:-12],
        "broken.csv.gz": b"\x1f\x8b" + b"x" * 50,
        "nul.csv": HEADER.encode() + b'\n"' + b"x" * 200_000 + b'",Hall,motion,ON\n',
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LogUnreadable, match=re.escape(name)):
            read_log(tmp_path / name)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "nowhere.csv")
