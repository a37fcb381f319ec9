"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from anbu.language import say

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help=say("설정 파일 (기본: ANBU_CONFIG, 없으면 ./anbu.toml)", "settings file (else ANBU_CONFIG, else ./anbu.toml)"),
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help=say("결과를 JSON으로", "answer in JSON"))]
PasswordFromInput: TypeAlias = Annotated[
    bool,
    typer.Option("--password-stdin", help=say("비밀번호를 표준 입력에서 읽음", "read the password from standard input")),
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help=say("아무것도 쓰지 않고 보고만", "write nothing, report what would be"))
]
By: TypeAlias = Annotated[str, typer.Option(metavar="LOGIN", help=say("누가 하는 일인지", "who does this"))]
