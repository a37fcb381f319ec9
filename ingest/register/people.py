"""Who lives in a household and whom to call for them; held in memory only while somebody with a reason looks."""

from __future__ import annotations

import msgspec

_HIDDEN = "○"


class Resident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person looked after. Printing one shows no field of it, so that no log line or traceback can."""

    name: str
    address: str = ""
    phone: str = ""
    birth_year: int | None = None
    note: str = ""  # illness, medicine, where the key is

    def __repr__(self) -> str:
        return "Resident(hidden)"


class Guardian(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A relative or neighbour to call, in the order given; prints nothing of itself either."""

    name: str
    phone: str
    relation: str = ""

    def __repr__(self) -> str:
        return "Guardian(hidden)"


class People(msgspec.Struct, frozen=True, kw_only=True):
    """All people of one household."""

    resident: Resident | None
    guardians: tuple[Guardian, ...] = ()


def mask(people: People) -> People:
    """What may be shown while there is no need: first letter of names, phones without their last four digits."""
    resident = people.resident
    return People(
        resident=None if resident is None else Resident(name=mask_name(resident.name), phone=mask_phone(resident.phone)),
        guardians=tuple(
            Guardian(name=mask_name(guardian.name), phone=mask_phone(guardian.phone), relation=guardian.relation)
            for guardian in people.guardians
        ),
    )


def mask_name(name: str) -> str:
    """김하늘 as 김○○; a name of one letter disappears whole."""
    letters = name.strip()
    return letters[:1] + _HIDDEN * (len(letters) - 1) if len(letters) > 1 else _HIDDEN * len(letters)


def mask_phone(phone: str) -> str:
    """010-0000-1234 as 010-0000-****: its last four digits hidden, whatever stands between them."""
    shown: list[str] = []
    digits = 0
    for letter in reversed(phone):
        hide = letter.isdigit() and digits < 4
        digits += letter.isdigit()
        shown.append("*" if hide else letter)
    return "".join(reversed(shown))


def shown_fields(people: People) -> list[str]:
    """The names of the fields that hold something, for the log of views."""
    fields = [f"resident.{name}" for name in msgspec.structs.asdict(people.resident)] if people.resident else []
    fields = [field for field in fields if getattr(people.resident, field.removeprefix("resident."))]
    names = {name for guardian in people.guardians for name, value in msgspec.structs.asdict(guardian).items() if value}
    return fields + [f"guardian.{name}" for name in sorted(names)]
