"""Names and telephone numbers of people who do not exist."""

from __future__ import annotations

from random import Random

_FAMILY = "김이박최정강조윤장임한오서신권황안송류홍"
_GIVEN = (
    *("영숙", "순자", "정희", "말순", "옥순", "복례", "춘자", "경자", "명자", "숙희", "금자", "화자", "인숙", "봉선", "점례"),
    *("영수", "정식", "상철", "병호", "종수", "기남", "만수", "동철", "용국", "춘식", "재복", "광수", "태식", "덕수", "창호"),
)


def invent_people(seed: str, count: int) -> list[tuple[str, str]]:
    """`count` people as (name, phone); names differ while they last, phones are 010-0000-xxxx and all differ (count < 10,000)."""
    rng = Random(f"{seed}/people")
    names = [family + given for family in _FAMILY for given in _GIVEN]
    rng.shuffle(names)
    numbers = rng.sample(range(10_000), count)
    return [(names[index % len(names)], f"010-0000-{number:04d}") for index, number in enumerate(numbers)]
