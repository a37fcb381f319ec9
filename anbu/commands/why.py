"""`anbu why`: what the rules saw of a home at a moment."""

from __future__ import annotations

from typing import Annotated

import typer

from anbu.commands.options import AsJson, By, Config
from anbu.ending import Refusal, orderly
from anbu.language import say


@orderly
def why(
    household: Annotated[str, typer.Argument(metavar="HOUSEHOLD")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help=say("그때 (기본: 지금)", "then (else now)"))] = None,
    by: By = "console",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Run the journal again up to then; beside a running site. The look is logged."""
    import msgspec

    from alerts.rulebook import Rulebook
    from anbu.opening import open_site
    from anbu.unregistered import unregistered
    from anbu.why import look_back
    from ingest.clock import parse_local
    from ingest.decode import NOWHERE
    from ingest.register.homes import NotRegistered
    from ingest.register.register import Register
    from ingest.tongues import Tongues
    from rules.explain_words import explain_lines
    from rules.seen import CannotSay
    from rules.table import load_table

    with open_site(config) as site:
        try:
            moment = site.clock.home_now() if at is None else parse_local(at)
        except ValueError as error:
            raise Refusal(f"--at {at}", "2026-01-05T09:30") from error
        try:
            register = Register(site.engine, site.sealer, site.clock)
            register.note_view(household, login=by, purpose="anbu why", fields="rules")
            initial = Rulebook(site.engine, site.sealer, site.clock).first() or load_table(site.settings.rules.file)
            decoder = Tongues(dialects=site.settings.ingest.dialects, dong=site.settings.ingest.dong or NOWHERE).decoder()
            folder, cursors = site.settings.journal_folder, site.settings.cursors_file
            seen = look_back(folder, cursors, decoder, initial, household, moment, now=site.clock.home_now())
        except CannotSay as error:
            raise Refusal(error.words.said(say("ko", "en"))) from error
        except NotRegistered as error:
            raise unregistered(error) from error
    print(msgspec.json.encode(seen).decode() if as_json else "\n".join(explain_lines(seen, say("ko", "en"))))
