"""What to ask and do about a check, as the script of its gravest alert says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from alerts.check import Check
from rules.finding import RuleKey


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The steps, in both languages."""

    ko: tuple[str, ...]
    en: tuple[str, ...]


def _read(path: Path) -> Mapping[RuleKey, Script]:
    return MappingProxyType(msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[RuleKey, Script]))


SCRIPTS = _read(Path(__file__).with_name("scripts.toml"))


def script_of(check: Check, lang: str = "ko") -> tuple[str, ...]:
    """The steps for this check; one whose rule has none of its own is asked about as a home without motion is."""
    script = SCRIPTS.get(check.alerts[0].rule, SCRIPTS[RuleKey.MOTION])
    return script.en if lang == "en" else script.ko
