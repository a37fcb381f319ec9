"""`anbu migrate`, `anbu serve` and `anbu check`: an existing site."""

from __future__ import annotations

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import Refusal, orderly
from anbu.language import say


@orderly
def migrate(config: Config = None) -> None:
    """Bring the store to the newest schema."""
    from anbu import schema
    from anbu.opening import opened_store
    from anbu.settings import load_settings

    with opened_store(load_settings(config), create=True) as engine:
        try:
            done = schema.migrate(engine)
        except schema.SchemaNewer as error:
            raise Refusal(str(error)) from error
    print(say(f"적용: {', '.join(done)}", f"applied: {', '.join(done)}") if done else say("이미 최신입니다.", "nothing to do."))


@orderly
def serve(config: Config = None) -> None:
    """Run all stages until Ctrl-C or SIGTERM."""
    from anbu import serving
    from anbu.logs import set_up_logs
    from anbu.opening import open_site

    with open_site(config) as site:
        settings, clock = site.settings, site.clock
    set_up_logs(settings.log.level, settings.log.format, clock)
    serving.serve(settings)


@orderly
def check(config: Config = None, as_json: AsJson = False) -> None:
    """Look at everything a start needs; exit code 1 when anything is wrong."""
    import msgspec

    from anbu.checkup import check_site

    lines = check_site(config)
    if as_json:
        print(msgspec.json.encode(lines).decode())
    else:
        for line in lines:
            print(f"{say('정상', 'ok     ') if line.ok else say('문제', 'problem')}  {line.name:<9} {line.detail}")
            if line.next_step:
                print(f"      → {line.next_step}")
    if not all(line.ok for line in lines):
        raise typer.Exit(1)
