"""Proves what an operator can do with the journal: look and export beside a running site, mend and prune without one."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anbu.cli import app
from ingest.clock import DAY, HOUR, Millis, SystemClock, parse_local
from ingest.facts import EntrySkipped, RunStarted
from ingest.journal.cursors import SqliteCursors
from ingest.journal.export import NotAnExport, read_export
from ingest.journal.port import Entry, JournalDamaged, Message, Position
from ingest.journal.sqlite import SqliteJournal
from ingest.journal.view import JournalView

BEGIN: Millis = parse_local("2026-01-01T12:00")
DAYS = 5
A_DAY = 40


def anbu(*words: str) -> Result:
    return CliRunner().invoke(app, ["journal", *words], env={"ANBU_LANG": "en"})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site's folder with five days of a journal in it, and one consumer that has read it all."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anbu.toml").write_text('data = "data"\n', encoding="utf-8")
    with _journal(tmp_path) as journal, closing(SqliteCursors(tmp_path / "data" / "cursors.sqlite3")) as cursors:
        for day in range(DAYS):
            if day:
                cursors.commit("rules", Position(offset=day * A_DAY, state=b"%d" % day, at=_at(day) - HOUR), keep=True)
            journal.append(
                [RunStarted(fact_id=f"run-{day}", at=_at(day), run_id="r"), *map(_message, range(day * 40 + 1, day * 40 + 40))]
            )
        cursors.commit("rules", Position(offset=journal.head, state=b"all", at=_at(DAYS)))
    return tmp_path


def _at(day: int) -> Millis:
    return BEGIN + day * DAY


def _message(number: int) -> Message:
    payload = b"\xff%d" % number if number % 7 == 0 else b'{"v": %d, "\xeb\xac\xb8": 1}' % number
    at = _at(number // 40) + number
    return Message(received_at=at, source="mqtt", topic="anbu/v1/d/h/p/motion", payload=payload, retain=number % 5 == 0)


@contextmanager
def _journal(folder: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(folder / "data" / "journal")) as journal:
        yield journal


def _entries(folder: Path) -> list[Entry]:
    with closing(JournalView(folder / "data" / "journal")) as view:
        entries: list[Entry] = []
        while part := view.read(entries[-1].offset if entries else 0, 50):
            entries += part
    return entries


def test_stats_and_verify_work_beside_a_running_site(site: Path) -> None:
    with _journal(site):
        found = json.loads(anbu("stats", "--json").stdout)
        assert (found["head"], found["cut"], len(found["segments"])) == (DAYS * A_DAY, 0, DAYS)
        assert [one["name"] for one in found["cursors"]] == ["rules"] and found["cursors"][0]["snapshots"] == 4
        assert "2026-01-01T12:00:00+09:00" in anbu("stats").stdout
        verdict = anbu("verify")
        assert verdict.exit_code == 0 and f"{DAYS * A_DAY} entries are what was written, 0 problems" in verdict.stdout


def test_what_is_exported_reads_back_as_it_stood(site: Path) -> None:
    with _journal(site):
        assert anbu("export", "all.jsonl.gz").exit_code == 0
        assert anbu("export", "two.jsonl", "--from", "2026-01-02", "--to", "2026-01-04T00:00+09:00").exit_code == 0
        printed = anbu("export", "-").stdout
    entries = _entries(site)
    assert list(read_export(site / "all.jsonl.gz")) == entries
    assert list(read_export(site / "two.jsonl")) == entries[A_DAY : 3 * A_DAY]
    lines = gzip.decompress((site / "all.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(lines) == len(entries) + 1 and json.loads(lines[0])["anbu_journal"] == 1
    assert json.loads(lines[2])["message"]["text"].startswith('{"v": 1') and "base64" in json.loads(lines[8])["message"]
    assert [line for line in printed.splitlines() if line.startswith("{")] == lines
    assert not list(site.glob("*.part"))
    (site / "other.jsonl").write_text('{"anbu_journal": 1, "first": 1, "last": 1}\n{"offset": 1}\n', encoding="utf-8")
    with pytest.raises(NotAnExport, match="line 2"):
        list(read_export(site / "other.jsonl"))


def test_a_cursor_is_set_back_with_the_site_stopped_and_by_time_or_offset(site: Path) -> None:
    with _journal(site):
        refused = anbu("rewind", "rules", "--to", "2026-01-03")
        assert refused.exit_code == 1 and "needs the site stopped" in refused.stderr
    assert "give one of" in anbu("rewind", "rules").stderr
    assert "is no time" in anbu("rewind", "rules", "--to", "yesterday").stderr
    done = anbu("rewind", "rules", "--to", "2026-01-03T12:00+09:00")
    assert done.exit_code == 0 and f"rules: {DAYS * A_DAY} → {2 * A_DAY}" in done.stdout
    with closing(SqliteCursors(site / "data" / "cursors.sqlite3")) as cursors:
        assert cursors.load("rules").state == b"2" and cursors.snapshots("rules") == [A_DAY, 2 * A_DAY]
    assert "only set back" in anbu("rewind", "rules", "--to-offset", "190").stderr
    assert "the beginning" in anbu("rewind", "rules", "--to-offset", "0").stdout


def test_pruning_says_first_what_would_go_and_a_cursor_nobody_uses_can_be_forgotten(site: Path) -> None:
    days = str(_age_in_days() - 1)
    assert "2 segments, up to offset 80" in anbu("prune", "--keep-days", days, "--dry-run").stdout
    assert len(_entries(site)) == DAYS * A_DAY
    with closing(SqliteCursors(site / "data" / "cursors.sqlite3")) as cursors:
        cursors.commit("retired", Position(offset=3, state=b"", at=_at(0)))
    held = anbu("prune", "--keep-days", days)
    assert "0 segments" in held.stdout and "still needed by: retired" in held.stdout
    assert "--yes" in anbu("forget", "retired").stderr
    assert anbu("forget", "retired", "--yes").exit_code == 0
    assert "2 segments, up to offset 80" in anbu("prune", "--keep-days", days).stdout
    kept = _entries(site)
    assert [entry.offset for entry in kept[:3]] == [1, 41, 81] and len(kept) == 3 * A_DAY + 2
    assert anbu("verify").exit_code == 0
    with _journal(site) as journal:
        assert journal.base("rules") == Position(offset=80, state=b"2", at=_at(2) - HOUR)
    assert "can go back to 80 at most" in anbu("rewind", "rules", "--to-offset", "79").stderr


def _age_in_days() -> int:
    return (SystemClock().home_now() - BEGIN) // DAY


def test_a_damaged_entry_is_named_and_let_go_with_a_fact_in_its_place(site: Path) -> None:
    segment = site / "data" / "journal" / f"{41:020d}.db"
    with sqlite3.connect(segment) as other:
        other.execute("UPDATE entry SET payload = x'00' WHERE offset = 50")
        other.execute("DELETE FROM entry WHERE offset IN (60, 61)")
    other.close()
    verdict = anbu("verify", "--json")
    found = json.loads(verdict.stdout)["damages"]
    assert verdict.exit_code == 1
    assert [(one["place"], one["first"], one["last"]) for one in found] == [(segment.name, 50, 50), (segment.name, 60, 61)]
    assert "checksum" in found[0]["what"]
    with pytest.raises(JournalDamaged, match="offset 50"):
        _entries(site)
    assert "offset 49 can be read" in anbu("skip", "49", "--through", "61").stderr
    assert "offset 60 cannot be read either" in anbu("skip", "50").stderr
    with _journal(site):
        assert "needs the site stopped" in anbu("skip", "50", "--through", "61").stderr
    done = anbu("skip", "50", "--through", "61")
    assert done.exit_code == 0 and (segment.with_suffix(".damaged")).exists()
    assert anbu("verify").exit_code == 0
    entries = _entries(site)
    assert len(entries) == DAYS * A_DAY
    assert [entry.offset for entry in entries if isinstance(entry.body, EntrySkipped)] == [50, 60, 61]
    assert [entry for entry in entries if isinstance(entry.body, Message)] == [
        Entry(offset=number + 1, received_at=_message(number).received_at, body=_message(number))
        for number in range(DAYS * A_DAY)
        if number % 40 and number + 1 not in (50, 60, 61)
    ]


def test_a_page_of_rubbish_loses_what_stood_on_it_and_no_more(site: Path) -> None:
    segment = site / "data" / "journal" / f"{41:020d}.db"
    raw = bytearray(segment.read_bytes())
    size = int.from_bytes(raw[16:18], "big")
    place = next(at for at in range(0, len(raw), size) if raw[at] == 0x0D and b"anbu/v1" in raw[at : at + size])
    raw[place : place + size] = b"\xa5" * size
    segment.write_bytes(raw)
    (found,) = json.loads(anbu("verify", "--json").stdout)["damages"]
    assert 41 <= found["first"] <= found["last"] <= 80
    assert anbu("skip", str(found["first"]), "--through", str(found["last"])).exit_code == 0
    assert anbu("verify").exit_code == 0 and len(_entries(site)) == DAYS * A_DAY


def test_a_folder_without_a_journal_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anbu.toml").write_text('data = "data"\n', encoding="utf-8")
    for words in (["stats"], ["verify"], ["export", "-"], ["rewind", "rules", "--to-offset", "0"], ["prune"], ["skip", "1"]):
        done = anbu(*words)
        assert done.exit_code == 1 and "no journal" in done.stderr, words
    assert not (tmp_path / "data").exists()
