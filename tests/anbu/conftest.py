"""A fresh site for whoever tests commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.anbu.typing_anbu import anbu


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site as `anbu init` leaves it, made once: what it holds has no path in it."""
    folder = tmp_path_factory.mktemp("fresh")
    words = ["init", "--config", str(folder / "anbu.toml"), "--dong", "dong-1=바람동", "--site", "바람", "--password-stdin"]
    made = anbu(*words, typed="correct horse\n")
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def site(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a fresh site in it; commands run inside it."""
    folder = tmp_path / "site"
    shutil.copytree(fresh, folder)
    monkeypatch.chdir(folder)
    return folder
