"""How the command line reaches what comes without MQTT (tokens, call files) and what could not be taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anbu.ending import Refusal
from anbu.enrolling import now
from anbu.language import say
from anbu.opening import Opened, open_site
from anbu.unregistered import unregistered
from dashboard_api.tokens import Token, TokenRefused, Tokens
from ingest.calls import CallsImport, CallsReport
from ingest.clock import Millis, parse_local
from ingest.reading import Reason
from ingest.register.homes import Device, EntryWrong, NotRegistered
from ingest.register.phones import USE
from ingest.register.strangers import Refused, Stranger, Strangers
from ingest.sheet import SheetWrong


@contextmanager
def _opened(config: Path | None) -> Iterator[Opened]:
    with open_site(config) as site:
        try:
            yield site
        except (EntryWrong, NotRegistered, SheetWrong, TokenRefused) as error:
            raise unregistered(error) from error


def add_token(config: Path | None, name: str, *, scope: str, dong: str | None, days: int, by: str) -> tuple[Token, str]:
    """A new token and its text."""
    with _opened(config) as site:
        return Tokens(site.engine, site.clock).add(name, created_by=by, scope=scope, dong=dong, days=days)


def all_tokens(config: Path | None) -> list[Token]:
    """Every token ever made."""
    with _opened(config) as site:
        return Tokens(site.engine, site.clock).all()


def revoke_token(config: Path | None, token_id: str) -> None:
    """End it; Refusal where there is none."""
    with _opened(config) as site:
        if not Tokens(site.engine, site.clock).revoke(token_id):
            raise Refusal(say(f"쓸 수 있는 토큰 {token_id} 이(가) 없습니다", f"there is no token {token_id} that holds"))


def import_calls(config: Path | None, file: Path, *, dry_run: bool, again: bool, by: str) -> CallsReport:
    """Queue the records of the file."""
    with _opened(config) as site:
        try:
            return CallsImport(site.engine, site.sealer, site.clock, by=by).take(file, dry_run=dry_run, again=again)
        except OSError as error:
            raise Refusal(f"{file}: {error.strerror}") from error


def phone_key(config: Path | None) -> str:
    """The key with which a carrier hashes numbers, in hex."""
    with _opened(config) as site:
        return site.sealer.derived_key(USE).hex()


def rejections(config: Path | None, *, device: str | None, reason: str | None, retried: bool, limit: int) -> list[Refused]:
    """Kept rejections, newest first."""
    _known(reason)
    with _opened(config) as site:
        return Strangers(site.engine).rejections(device=device, reason=reason, retried=retried, limit=limit)


def rejections_at(config: Path | None, offset: int) -> list[Refused]:
    """What was refused of one message; Refusal where nothing was."""
    with _opened(config) as site:
        found = Strangers(site.engine).rejections_at(offset)
    if not found:
        raise Refusal(say(f"위치 {offset} 에 거절된 것이 없습니다", f"nothing was refused at offset {offset}"))
    return found


def retry_rejections(config: Path | None, offsets: Sequence[int], *, device: str | None, reason: str | None, by: str) -> int:
    """Have them read again; how many."""
    _known(reason)
    with _opened(config) as site:
        return Strangers(site.engine).retry(offsets, device=device, reason=reason, at=now(), by=by)


def unclaimed(config: Path | None) -> list[Stranger]:
    """Devices nobody has claimed."""
    with _opened(config) as site:
        return Strangers(site.engine).unclaimed()


def claim(
    config: Path | None,
    device_id: str,
    household: str,
    *,
    model: str,
    signals: Sequence[str],
    every: int,
    since: str | None,
    by: str,
) -> tuple[Device, Stranger | None]:
    """Put it into the household; the second is what was known of it before."""
    with _opened(config) as site:
        strangers = Strangers(site.engine)
        before = next((one for one in strangers.unclaimed(limit=10_000) if one.device_id == device_id), None)
        device = strangers.claim(
            device_id,
            household,
            at=now(),
            by=by,
            model=model,
            signals=signals,
            report_interval_s=every,
            since=None if since is None else _instant(since),
        )
    return device, before


def _instant(text: str) -> Millis:
    try:
        return parse_local(text)
    except ValueError as error:
        raise Refusal(f"--since {text}", "2026-01-05T09:30") from error


def _known(reason: str | None) -> None:
    if reason is not None and reason not in set(Reason):
        raise Refusal(f"--reason {reason}", ", ".join(Reason))
