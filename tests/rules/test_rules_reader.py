"""A rule file is read value by value: a list or a text that is none is a problem with its line, and the file is refused whole."""

from __future__ import annotations

import pytest

from rules.reader import Reader, RulesWrong


def read(value: str) -> tuple[list[str], str]:
    """What a file with these lines says of its words and its text."""
    reader = Reader(f'[rung]\nrules = {value}\nhours = "07:00-22:00"\n', "ladder.toml")
    found = reader.words("rung", "rules", ["motion", "call"]), reader.text("rung", "hours", "hours")
    reader.finish()
    return found


def test_words_and_texts_are_read_as_they_stand() -> None:
    assert read('["call", "motion"]') == (["call", "motion"], "07:00-22:00")


@pytest.mark.parametrize("value", ["[]", '"motion"', '["motion", "smoke"]', "[1]", "3"])
def test_what_is_no_list_of_allowed_words_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(RulesWrong, match=r'line 2: rung\.rules is .*, it needs a list of "motion", "call"'):
        read(value)


@pytest.mark.parametrize(("line", "said"), [("hours = 7", "line 2: rung.hours is 7, it needs hours"), ("", "is missing")])
def test_what_is_no_text_is_refused_with_its_line(line: str, said: str) -> None:
    reader = Reader(f"[rung]\n{line}\n", "ladder.toml")
    given = reader.text("rung", "hours", "hours")
    assert given == ""  # stands in while the rest of the file is looked at
    with pytest.raises(RulesWrong, match=said):
        reader.finish()
