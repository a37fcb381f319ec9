"""Proves that a sealed field opens only with its key, at its own place, unaltered, and that errors tell nothing of it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.seal import KeyUnusable, SealBroken, Sealer, load_key, new_key, write_key

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_was_sealed_opens_to_the_same_bytes(data: bytes, about: str) -> None:
    sealer = Sealer(KEY)
    assert sealer.open(sealer.seal(data, about=about), about=about) == data


def test_the_same_text_sealed_twice_looks_different() -> None:
    sealer = Sealer(KEY)
    assert sealer.seal(b"same", about="resident:h") != sealer.seal(b"same", about="resident:h")


@given(st.data())
def test_one_altered_byte_anywhere_breaks_the_seal(data: st.DataObject) -> None:
    sealer = Sealer(KEY)
    sealed = bytearray(sealer.seal("김하늘".encode(), about="resident:h"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        sealer.open(bytes(sealed), about="resident:h")


def test_a_sealed_field_moved_to_another_household_does_not_open() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"secret", about="resident:home-1")
    with pytest.raises(SealBroken, match="resident:home-2"):
        sealer.open(sealed, about="resident:home-2")


def test_another_key_is_named_by_its_id_and_no_content_is_told() -> None:
    sealed = Sealer(new_key()).seal(b"secret", about="resident:home-1")
    with pytest.raises(SealBroken) as caught:
        Sealer(KEY).open(sealed, about="resident:home-1")
    assert Sealer(KEY).key_id.hex() in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("rubbish", [b"", b"\x01", b"\x01" * 32, b"plain text that was never sealed by anyone"])
def test_what_was_never_sealed_is_refused(rubbish: bytes) -> None:
    with pytest.raises(SealBroken):
        Sealer(KEY).open(rubbish, about="resident:h")


def test_a_sealer_shows_its_key_id_and_never_its_key() -> None:
    shown = repr(Sealer(KEY))
    assert KEY.hex() not in shown
    assert Sealer(KEY).key_id.hex() in shown


def test_a_written_key_loads_again_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "anbu.key"
    write_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path) == KEY


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "anbu.key"
    write_key(path, KEY)
    with pytest.raises(FileExistsError):
        write_key(path, new_key())
    assert load_key(path) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "anbu.key"
    write_key(path, KEY)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(b"short"), "키".encode()])
def test_a_file_without_a_key_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anbu.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="base64 of 32 bytes"):
        load_key(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match=r"nowhere\.key"):
        load_key(tmp_path / "nowhere.key")


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_KEY", base64.b64encode(KEY).decode())
    assert load_key("SITE_KEY") == KEY
    monkeypatch.delenv("SITE_KEY")
    with pytest.raises(KeyUnusable, match="SITE_KEY"):
        load_key("SITE_KEY")
