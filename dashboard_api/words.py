"""Every sentence the pages say, in Korean and in English, read from words.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import msgspec


class Lang(StrEnum):
    """The languages of the pages; Korean unless somebody switches."""

    KO = "ko"
    EN = "en"


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text in both languages; `{name}` stands for a figure put in later."""

    ko: str
    en: str


def _read(path: Path) -> Mapping[str, Word]:
    pages = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, dict[str, Word]])
    return MappingProxyType({f"{page}.{key}": word for page, words in pages.items() for key, word in words.items()})


WORDS: Mapping[str, Word] = _read(Path(__file__).with_name("words.toml"))


def say(lang: Lang, key: str, **figures: object) -> str:
    """The text `page.key` in this language with its figures put in; KeyError for a text nobody wrote."""
    word = WORDS[key]
    text = word.ko if lang is Lang.KO else word.en
    return text.format(**figures) if figures else text


def length(lang: Lang, milliseconds: int) -> str:
    """A length of time as people say it: two units at most, a negative one as nothing."""
    minutes = max(0, milliseconds) // 60_000
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return say(lang, "time.days", d=days, h=hours)
    if hours:
        return say(lang, "time.hours", h=hours, m=rest)
    return say(lang, "time.minutes", m=rest) if rest else say(lang, "time.moment")
