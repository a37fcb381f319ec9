"""`anbu backup` and `anbu restore`: a site as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import orderly
from anbu.language import say


@orderly
def backup(
    target: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|FILE", help=say("백업을 둘 폴더, 또는 새 파일", "a folder to put it in, or a new file")),
    ],
    config: Config = None,
    with_key: Annotated[
        bool,
        typer.Option(
            "--with-key",
            help=say("열쇠도 넣음: 이 파일만 있으면 다 열립니다", "the key too: this file alone opens all"),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back the site up, running or not."""
    import msgspec

    from anbu.backup import back_up
    from anbu.settings import load_settings, settings_file

    path, manifest = back_up(load_settings(config), settings_file(config), target, with_key=with_key)
    if as_json:
        print(msgspec.json.encode({"file": str(path), "manifest": manifest}).decode())
        return
    history = say("이력 포함", "history included") if manifest.history_included else say("이력 없음", "no history here")
    rows = sum(part.rows or 0 for part in manifest.parts)
    print(
        say(
            f"{path}: 표 {rows}행, 저널 {manifest.journal_head}까지, {history}",
            f"{path}: {rows} rows, journal up to {manifest.journal_head}, {history}",
        )
    )
    if with_key:
        print(
            say("열쇠가 들어 있습니다. 데이터와 따로 보관하십시오.", "The key is in it: whoever has this file reads everything.")
        )
    else:
        print(
            say(
                f"열쇠 {manifest.key_id} 은(는) 들어 있지 않습니다. 따로 보관하지 않으면 개인정보를 되찾을 수 없습니다.",
                f"The key {manifest.key_id} is NOT in it: without a copy of its own, kept elsewhere, personal fields are lost.",
            )
        )


@orderly
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("anbu backup 이 만든 파일", "what anbu backup made"))],
    config: Config = None,
    verify: Annotated[
        bool, typer.Option("--verify", help=say("읽어서 확인만 하고 아무것도 쓰지 않음", "read and verify only; write nothing"))
    ] = False,
) -> None:
    """Make a site of a backup, where there is none yet."""
    from anbu.restore import look_at
    from anbu.restore import restore as put_back
    from anbu.settings import settings_file

    if verify:
        manifest = look_at(file)
        print(say(f"온전합니다: {manifest.made_at}, {manifest.site}", f"whole: {manifest.made_at}, {manifest.site}"))
        return
    done = put_back(file, settings_file(config))
    print(
        say(
            f"{done.manifest.made_at} 의 {done.manifest.site} 을(를) 복원했습니다: 표 {done.rows}행",
            f"restored {done.manifest.site} as of {done.manifest.made_at}: {done.rows} rows",
        )
    )
    if not done.manifest.history_included:
        print(say("이력은 이 백업에 없습니다.", "The history is not in this backup."))
    if done.key_missing is not None:
        print(
            say(
                f"열쇠 {done.manifest.key_id} 을(를) {done.key_missing} 에 두십시오. 그 전에는 실행되지 않습니다.",
                f"Put key {done.manifest.key_id} at {done.key_missing}; nothing runs before that.",
            )
        )
