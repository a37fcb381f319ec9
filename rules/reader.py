"""How a rule file is read: every value checked, every wrong line named, nothing guessed."""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ingest.clock import Millis
from rules.bilingual import Unreadable, Words
from rules.lengths import parse_length

_Value = TypeVar("_Value")

_STAND_IN: Millis = 1
"""What a wrong length counts as while the rest of the file is looked at; the table is never handed out."""


class RulesWrong(ValueError):
    """The rule file is refused whole; `problems` has one line for each wrong place, saying what would be right.

    As text it is English.
    """

    def __init__(self, name: str, problems: Sequence[Words]) -> None:
        self.name = name
        self.problems = tuple(problems)
        super().__init__(self.said("en"))

    def lines(self, lang: str) -> tuple[str, ...]:
        """One for each wrong place."""
        return tuple(one.said(lang) for one in self.problems)

    def said(self, lang: str) -> str:
        """All of it."""
        head = Words(f"{self.name}: 쓸 수 없는 기준표입니다", f"{self.name} is refused")
        return f"{head.said(lang)}:\n" + "\n".join(self.lines(lang))


class Reader:
    """One TOML text, asked value by value; what is asked for and wrong, or never asked for, is a problem."""

    def __init__(self, text: str, name: str, default: str = "") -> None:
        """`default`: a text whose top-level sections stand in for those that `text` does not have."""
        self._name = name
        self._lines = text.splitlines()
        self._problems: list[tuple[int, Words]] = []
        self._asked: set[str] = set()
        try:
            self._data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RulesWrong(name, [Words(f"TOML 형식이 아닙니다: {error}", f"not TOML: {error}")]) from error
        missing = {key: value for key, value in tomllib.loads(default).items() if isinstance(value, dict)}
        self._data = {**missing, **self._data}
        self._hash = hashlib.blake2s(text.encode(), digest_size=4).hexdigest()

    def version(self) -> str:
        """The declared version and the hash of the content, so that two tables are never taken for one."""
        declared = self._data.get("version")
        self._asked.add("version")
        if not isinstance(declared, str) or not re.match(r"[a-z0-9.-]{1,40}\Z", declared):
            right = 'a-z, 0-9, "-", "."'
            self.wrong(
                "",
                "version",
                f'{right}로 된 이름이어야 합니다(예: "default-1")',
                'must be a word of a-z, 0-9, "-" and ".", such as "default-1"',
            )
        return f"{declared}+{self._hash}"

    def has(self, section: str, key: str) -> bool:
        """Whether the file says anything there; where it does not, it might have."""
        there = self._find(section, key) is not None
        if not there:
            self._asked.add(f"{section}.{key}")
        return there

    def sections(self, section: str) -> list[str]:
        """The names of the tables in this one, in the order of the file."""
        return [name for name, value in self._table(section).items() if isinstance(value, dict)]

    def is_word(self, section: str, key: str, word: str) -> bool:
        """Whether the value is just this word; otherwise it is still to be asked for."""
        if self._find(section, key) != word:
            return False
        self._asked.add(f"{section}.{key}")
        return True

    def length(self, section: str, key: str) -> Millis:
        """A length of time in milliseconds."""
        value = self._ask(section, key)
        if not isinstance(value, str):
            right = Words('"30 min", "8 h", "3 d" 같은 길이', 'a length such as "30 min", "8 h" or "3 d"')
            return self._refuse(section, key, value, right)
        try:
            return parse_length(value)
        except Unreadable as error:
            self.wrong(section, key, *error.words)
            return _STAND_IN

    def parsed(self, section: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """What `parse` makes of a text; its Unreadable, and anything but a text, is a problem."""
        value = self._ask(section, key)
        try:
            return parse(str(value))
        except Unreadable as error:
            self.wrong(section, key, *error.words)
            return None

    def number(self, section: str, key: str, *, low: float, high: float) -> float:
        """A number within the bounds."""
        value = self._ask(section, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            return float(
                self._refuse(section, key, value, Words(f"{low:g}부터 {high:g}까지의 수", f"a number from {low:g} to {high:g}"))
            )
        return float(value)

    def flag(self, section: str, key: str) -> bool:
        """True or false."""
        value = self._ask(section, key)
        if not isinstance(value, bool):
            self._refuse(section, key, value, Words("true 또는 false", "true or false"))
        return value is True

    def count(self, section: str, key: str) -> int:
        """A whole number from 1 on."""
        value = self._ask(section, key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            return self._refuse(section, key, value, Words("1 이상의 정수", "a whole number from 1 on"))
        return value

    def word(self, section: str, key: str, allowed: Sequence[str]) -> str:
        """One of the allowed words."""
        value = self._ask(section, key)
        if value not in allowed:
            listed = ", ".join(f'"{word}"' for word in allowed)
            self._refuse(section, key, value, Words(f"{listed} 중 하나", f"one of {listed}"))
            return allowed[0]
        return str(value)

    def words(self, section: str, key: str, allowed: Sequence[str]) -> list[str]:
        """A list of allowed words, one at least."""
        value = self._ask(section, key)
        if not isinstance(value, list) or not value or any(word not in allowed for word in value):
            listed = ", ".join(f'"{word}"' for word in allowed)
            self._refuse(section, key, value, Words(f"{listed}의 목록", f"a list of {listed}"))
            return []
        return [str(word) for word in value]

    def text(self, section: str, key: str, right: Words) -> str:
        """A text; `right` says what it is for."""
        value = self._ask(section, key)
        if not isinstance(value, str):
            self._refuse(section, key, value, right)
            return ""
        return value

    def rising(self, section: str, values: Sequence[float | None], reason: Words) -> None:
        """The values that are there must rise."""
        there = [value for value in values if value is not None]
        if any(after <= before for before, after in itertools.pairwise(there)):
            self.wrong("", section, *reason)

    def wrong(self, section: str, key: str, ko: str, en: str) -> None:
        """Note a problem, said in both languages; the file will be refused."""
        line = self._line(section, key)
        place = f"{section}.{key}" if section else key
        words = (
            Words(f"{line}행: {place} {ko}", f"line {line}: {place} {en}") if line else Words(f"{place} {ko}", f"{place} {en}")
        )
        self._problems.append((line, words))

    def finish(self) -> None:
        """Refuse the file when anything was wrong, unknown keys included."""
        self._refuse_unknown(self._data, "")
        if self._problems:
            ordered = dict.fromkeys(text for _, text in sorted(self._problems))
            raise RulesWrong(self._name, list(ordered))

    def _ask(self, section: str, key: str) -> Any:
        self._asked.add(f"{section}.{key}")
        return self._find(section, key)

    def _find(self, section: str, key: str) -> Any:
        return self._table(section).get(key)

    def _table(self, section: str) -> dict[str, Any]:
        at: Any = self._data
        for part in section.split("."):
            at = at.get(part) if isinstance(at, dict) else None
        return at if isinstance(at, dict) else {}

    def _refuse(self, section: str, key: str, value: Any, right: Words) -> int:
        if value is None:
            self.wrong(section, key, f"값이 없습니다. 맞는 값: {right.ko}", f"is missing: it needs {right.en}")
        else:
            self.wrong(section, key, f"값이 {value!r}입니다. 맞는 값: {right.ko}", f"is {value!r}, it needs {right.en}")
        return _STAND_IN

    def _refuse_unknown(self, data: dict[str, Any], prefix: str) -> None:
        for key, value in data.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict):
                if value and not any(asked.startswith(f"{path}.") for asked in self._asked):
                    self.wrong(prefix.rstrip("."), key, "이 버전이 모르는 항목 묶음입니다", "is not a section this version knows")
                else:
                    self._refuse_unknown(value, f"{path}.")
            elif path not in self._asked:
                self.wrong(prefix.rstrip("."), key, "이 버전이 모르는 항목입니다", "is not a setting this version knows")

    def _line(self, section: str, key: str) -> int:
        """The line the value stands on, or its section where it is missing, or 0."""
        path = [*section.split("."), key] if section else [key]
        headers = ((depth, self._header(path[:depth])) for depth in range(len(path), 0, -1))  # the innermost table first
        depth, start = next(((depth, line) for depth, line in headers if line is not None), (0, 0))
        return start if depth == len(path) else self._assigned(start, path[depth:]) or start

    def _header(self, path: list[str]) -> int | None:
        return self._first(0, rf"\s*\[+\s*{_dotted(path)}\s*\]")

    def _assigned(self, start: int, path: list[str]) -> int | None:
        """Where in the table whose header stands on line `start` the value is given, or one that it is part of."""
        for depth in range(len(path), 0, -1):
            found = self._first(start, rf"\s*{_dotted(path[:depth])}\s*=", until=r"\s*\[")
            if found is not None:
                return found
        return None

    def _first(self, after: int, pattern: str, *, until: str = r"(?!)") -> int | None:
        for number, line in enumerate(self._lines[after:], after + 1):
            if re.match(until, line):
                return None
            if re.match(pattern, line):
                return number
        return None


def _dotted(path: list[str]) -> str:
    return r"\s*\.\s*".join(re.escape(part) for part in path)
