"""How the command line reaches the register: the site opened, and what the register refuses told to the operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from anbu.ending import Refusal
from anbu.installing import shut_out_removed
from anbu.language import say
from anbu.opening import open_site
from anbu.unregistered import unregistered
from ingest.clock import Millis, SystemClock
from ingest.dialects.registry import DIALECTS
from ingest.register.home_file import COLUMNS, NEEDED
from ingest.register.home_import import HomesImport, ImportReport
from ingest.register.homes import AlreadyRegistered, EntryWrong, NotRegistered
from ingest.register.people import People
from ingest.register.register import Register
from ingest.sheet import SheetWrong, write_columns


def now() -> Millis:
    """This moment; in a real site home time is the machine's."""
    return SystemClock().home_now()


def vendor_address(dialect: str | None, name: str | None) -> str | None:
    """The address of a vendor's device as the register writes it; None for one of ours. Refusal for an unknown dialect."""
    if dialect is None or name is None:
        return None
    vendors = [known for known in DIALECTS if known not in ("native", "senml")]
    if dialect not in vendors:
        raise Refusal(f"--dialect {dialect}", ", ".join(vendors))
    return f"{dialect}/{name.lower() if dialect == 'chirpstack' else name}"


@contextmanager
def open_register(config: Path | None) -> Iterator[Register]:
    """The register of the site; what it refuses ends the command with its text."""
    with open_site(config) as site:
        try:
            yield Register(site.engine, site.sealer, site.clock)
            shut_out_removed(site)
        except (EntryWrong, AlreadyRegistered, NotRegistered) as error:
            raise unregistered(error) from error


def enrol_household(config: Path | None, household_id: str, *, dong: str, grade: str, people: bytes | None) -> None:
    """Look after the household from now on; `people` is JSON with `resident` and `guardians`."""
    known = _people(people) if people is not None else People(resident=None)
    with open_register(config) as register:
        register.enrol_household(household_id, dong, grade=grade, at=now(), resident=known.resident, guardians=known.guardians)


def import_homes(config: Path | None, file: Path, *, dry_run: bool, by: str) -> ImportReport:
    """Enter the households of a table; Refusal where it cannot be read as a whole."""
    with open_site(config) as site:
        try:
            return HomesImport(site.engine, site.sealer, site.clock, by=by).take(file, dry_run=dry_run)
        except SheetWrong as error:
            raise Refusal(f"{file}: {error}", "anbu household template FILE") from error
        except OSError as error:
            raise Refusal(f"{file}: {error.strerror}") from error


def write_template(file: Path) -> None:
    """An empty table with every column (XLSX, or CSV by its name); Refusal rather than overwriting anything."""
    if file.exists():
        raise Refusal(say(f"{file} 이(가) 이미 있습니다", f"{file} is there already"))
    try:
        write_columns(file, COLUMNS, needed=NEEDED)
    except OSError as error:
        raise Refusal(f"{file}: {error.strerror}") from error


def _people(text: bytes) -> People:
    try:
        return msgspec.json.decode(text, type=People)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # The decoder's text names a path and a type, never a value.
        example = (
            '{"resident": {"name": "", "address": "", "phone": "", "birth_year": 1940}, "guardians": [{"name": "", "phone": ""}]}'
        )
        raise Refusal(say(f"--people 를 읽을 수 없습니다: {error}", f"--people cannot be read: {error}"), example) from error
