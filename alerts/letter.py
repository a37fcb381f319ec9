"""How a message reads: the same few words on every channel, with its number, and never an address or an illness."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from alerts.delivery import Delivery, Message

NUMBER = 8
"""Letters of a telling's id that a person reads; the same in both texts where a message comes twice."""


class Audience(StrEnum):
    """Who reads it, which decides what it may hold."""

    STAFF = "staff"  # level, dong, short code, link
    GUARDIAN = "guardian"  # the resident's name alone
    RESIDENT = "resident"  # nothing


TEMPLATES: Mapping[Audience, str] = {
    Audience.STAFF: "[안부] #{수준} #{동} #{코드}\n#{내용}\n#{주소}\n번호 #{번호}",
    Audience.GUARDIAN: "[안부] #{이름} 님께 안부를 여쭈어 주십시오.\n확인하신 뒤 동 주민센터로 알려 주십시오.\n번호 #{번호}",
    Audience.RESIDENT: "[안부] 동 주민센터에서 안부를 여쭙습니다.\n곧 다시 연락드리겠습니다.\n번호 #{번호}",
}
"""As they are registered with the provider of 알림톡, letter by letter: it refuses what differs from its template."""

ENGLISH: Mapping[Audience, str] = {
    Audience.STAFF: "[anbu] #{수준} #{동} #{코드}\n#{내용}\n#{주소}\nno. #{번호}",
    Audience.GUARDIAN: "[anbu] Please look after #{이름}.\nThen tell the dong centre.\nno. #{번호}",
    Audience.RESIDENT: "[anbu] The dong centre asks whether you are well.\nWe shall call again soon.\nno. #{번호}",
}

SCRIPT = {
    "ko": "안녕하십니까. 동 주민센터의 안부 전화입니다. 잘 계시면 1번, 도움이 필요하시면 2번을 눌러 주십시오.",
    "en": "Hello, this is the dong centre asking whether you are well. Press 1 if you are well, 2 if you need help.",
}
"""What an automatic call says to a resident."""

_LEVELS = {
    "ko": {"caution": "주의", "warning": "경보", "danger": "위험"},
    "en": {"caution": "caution", "warning": "warning", "danger": "danger"},
}
KINDS: Mapping[str, tuple[str, str]] = {
    "opened": ("새 안부확인이 있습니다.", "A new check."),
    "risen": ("안부확인의 수준이 올랐습니다.", "The level of a check rose."),
    "added": ("같은 가구에 이상신호가 더 있습니다.", "Another alert for the same home."),
    "raised_again": ("같은 이상신호가 다시 왔습니다.", "The same alert came again."),
    "expired": ("접수한 안부확인이 기한을 넘겼습니다.", "An acknowledgement expired."),
    "alive": ("생활 신호가 다시 왔습니다. 확인하고 종결해 주십시오.", "There are signs of life. Look at it and settle it."),
    "contact": ("보호자나 이웃에게 연락해 주십시오.", "Please call the guardian or a neighbour."),
    "visit": ("방문해 주십시오.", "Please visit."),
    "emergency": ("119나 112에 직접 신고해 주십시오. 시스템은 신고하지 않습니다.", "Call 119 or 112 yourself. No machine does."),
    "reminder": ("아직 아무도 접수하지 않았습니다.", "Nobody has acknowledged it yet."),
    "exhausted": ("확인 단계가 모두 끝났습니다. 아직 종결되지 않았습니다.", "All steps are used up, and it is not settled."),
    "nobody_on_duty": ("당직자가 없습니다.", "Nobody has duty."),
    "handover_unsigned": ("인계서에 서명이 없습니다.", "A handover is not signed."),
    "silence_over": ("알림 중지가 끝났습니다.", "A silence has ended."),
    "outage_digest": ("통신 두절 중인 가구의 확인 기한이 지났습니다.", "Homes of an outage have passed their own limits."),
    "duty_gap": ("당직자가 없는 시간이 있습니다.", "There are hours in which nobody has duty."),
    "handover": ("인계서에 서명해 주십시오.", "A handover waits for your signature."),
    "tonight": ("오늘 밤 살펴야 할 가구의 목록입니다.", "The homes to look at before tonight."),
    "outage_over": ("통신 두절이 끝났습니다.", "An outage is over."),
    "flood": ("안부확인이 한꺼번에 많이 열렸습니다. 함께 살펴 주십시오.", "Many checks opened at once. Please help."),
    "visit_due": ("방문할 때가 되었습니다.", "A visit is due."),
    "referral_due": ("연계한 일을 확인할 때가 되었습니다.", "A referral is to be looked after."),
    "contact_due": ("정기 연락을 할 때가 되었습니다.", "A regular contact is due."),
    "report_unmatched": ("주소를 알 수 없는 이웃 제보가 있습니다.", "A neighbour reported an unknown address."),
    "digest": ("잠시 모아 둔 알림입니다.", "Messages held back for a while."),
    "stage_failed": ("시스템의 한 단계가 멈추었습니다.", "A stage of the system has failed."),
    "stage_mended": ("멈추었던 단계가 다시 움직입니다.", "A stage of the system moves again."),
    "proof": ("알림 경로의 자동 점검입니다. 하실 일은 없습니다.", "An automatic proof of the path. Nothing to do."),
    "test": ("시험 알림입니다. 하실 일은 없습니다.", "A test. Nothing to do."),
}
_OTHER = ("알림이 있습니다.", "There is news.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as one person reads it."""

    id: str  # of the delivery: the receiver's idempotency key
    number: str
    audience: Audience
    danger: bool
    subject: str  # one line
    text: str  # a few lines
    html: str
    link: str | None  # None for those who may see no page
    variables: Mapping[str, str]  # what was put into the template
    script: str  # what a call says

    def __repr__(self) -> str:
        return f"Letter({self.id})"  # no name of anybody into a traceback


def audience_of(person: str) -> Audience:
    """Who a recipient is: residents and guardians are named by their household, everybody else is of the staff."""
    kind = person.partition(":")[0] if ":" in person else ""
    return Audience(kind) if kind in (Audience.GUARDIAN, Audience.RESIDENT) else Audience.STAFF


def write_letter(delivery: Delivery, message: Message, *, name: str | None = None, lang: str = "ko") -> Letter:
    """The letter for the delivery's recipient; `name` is the resident's, and used for a guardian alone."""
    audience = audience_of(delivery.recipient)
    number = message.id[:NUMBER]
    variables = {"번호": number}
    if audience is Audience.STAFF:
        variables |= _staff(message, lang)
    elif audience is Audience.GUARDIAN:
        variables["이름"] = name or ""
    text = _filled((TEMPLATES if lang == "ko" else ENGLISH)[audience], variables)
    link = message.link if audience is Audience.STAFF else None
    return Letter(
        id=delivery.id,
        number=number,
        audience=audience,
        danger=message.level == "danger",
        subject=text.partition("\n")[0],
        text=text,
        html=_html(text, link, lang),
        link=link,
        variables=variables,
        script=SCRIPT[lang] if audience is Audience.RESIDENT else text,
    )


def _staff(message: Message, lang: str) -> dict[str, str]:
    korean, english = KINDS.get(message.kind, _OTHER)
    said = korean if lang == "ko" else english
    if message.codes:
        said += " " + ", ".join(message.codes)
        if message.more:
            said += f" 외 {message.more}건" if lang == "ko" else f" and {message.more} more"
    return {
        "수준": _LEVELS[lang].get(message.level, message.level),
        "동": message.dong,
        "코드": message.code,
        "내용": said,
        "주소": message.link,
    }


def _filled(template: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        template = template.replace(f"#{{{name}}}", value)
    return template


def _html(text: str, link: str | None, lang: str) -> str:
    lines = [html.escape(line) for line in text.split("\n") if line != link]
    shown = "".join(f"<p>{line}</p>" for line in lines)
    if link is not None:
        shown += f'<p><a href="{html.escape(link)}">{"안부확인 열기" if lang == "ko" else "Open"}</a></p>'
    return f'<!doctype html><html lang="{lang}"><body>{shown}</body></html>'
