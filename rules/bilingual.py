"""What is said to whoever writes a rule file: Korean, and English beside it, so that neither is forgotten."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One text in both languages."""

    ko: str
    en: str

    def said(self, lang: str) -> str:
        """In English for "en", otherwise in Korean."""
        return self.en if lang == "en" else self.ko


class Unreadable(ValueError):
    """A text that is not what it should be; `words` say what would be right. As text it is English."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words
