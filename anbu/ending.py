"""How a command ends when it cannot go on: with lines an operator can act on, or, on Ctrl-C, with one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from anbu.language import say

INTERRUPTED = 130  # what shells expect after SIGINT

P = ParamSpec("P")


class Refusal(Exception):
    """The command cannot do what was asked: what is wrong, and the next step. For the operator, so never a secret in it."""

    def __init__(self, wrong: str, next_step: str = "") -> None:
        super().__init__(f"{wrong} → {next_step}" if next_step else wrong)
        self.wrong = wrong
        self.next_step = next_step


def orderly(command: Callable[P, None]) -> Callable[P, None]:
    """The command, ending a Refusal with its lines and exit code 1, and Ctrl-C with one line and exit code 130."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            raise typer.Exit(1) from refusal
        except KeyboardInterrupt as interrupt:
            print(say("\n멈췄습니다.", "\nStopped."), file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from interrupt

    return run
