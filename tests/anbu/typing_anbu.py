"""Types a command as an operator would, in this process."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from anbu.cli import app


def anbu(*words: str, typed: str | None = None, english: bool = False) -> Result:
    return CliRunner().invoke(app, list(words), input=typed, env={"ANBU_LANG": "en" if english else None})
