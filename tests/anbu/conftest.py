"""Gives every test of the command an environment of its own: no setting of this machine, Korean unless told."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.upper().startswith("ANBU_")]:
        monkeypatch.delenv(variable)
