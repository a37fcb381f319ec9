"""`anbu history`: where the readings for charts are kept."""

from __future__ import annotations

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import orderly
from anbu.language import say

history = typer.Typer(no_args_is_help=True, help=say("그래프에 쓰는 이력", "the history that charts are drawn from"))


@history.callback()
def _options() -> None:
    """None; without this, typer would make a single command of the group."""


@history.command("copy", help=say("내장 이력을 InfluxDB로 옮깁니다", "bring the embedded history into InfluxDB"))
@orderly
def copy(config: Config = None, as_json: AsJson = False) -> None:
    """Fill InfluxDB up to the journal's head; the site must stand still meanwhile."""
    import msgspec

    from anbu.history_copy import copy_history

    done = copy_history(config)
    if as_json:
        print(msgspec.json.encode(done).decode())
        return
    print(
        say(
            f'저널 {done.offset}번까지 InfluxDB에 있습니다. 이제 history.kind = "influxdb" 로 바꾸고 다시 시작하십시오.',
            f'InfluxDB holds the journal up to {done.offset}. Now set history.kind = "influxdb" and start again.',
        )
    )
