"""Solapi: 알림톡 with its own fallback to SMS, and SMS or LMS, by messages v4.

Formats as in its public reference (developers.solapi.com; github.com/solapi/documents).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from alerts.channels.phone import Office, is_short, json_bytes, read_answer
from alerts.channels.wire import Asked, Wire
from alerts.delivery import Permanent, Receipt, Result, Sent
from alerts.letter import Letter
from ingest.clock import Clock, to_datetime

_ACCEPTED = "2000"
_PENDING = frozenset({"2000", "3000"})  # taken, handed to the carrier
_ARRIVED = "4000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolapiKeys:
    """An API key of the account."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    url: str = "https://api.solapi.com"


class _Each(msgspec.Struct, rename="camel"):
    message_id: str = ""
    status_code: str = ""


class _Answer(msgspec.Struct, rename="camel"):
    failed_message_list: tuple[_Each, ...] = ()
    message_list: tuple[_Each, ...] = ()


class _Found(msgspec.Struct, rename="camel"):
    message_list: dict[str, _Each] = {}


class Solapi:
    """A `MessageGateway`. The delivery id goes along as a custom field; the text carries the number."""

    def __init__(self, keys: SolapiKeys, office: Office, clock: Clock, wire: Wire) -> None:
        self._keys = keys
        self._office = office
        self._clock = clock
        self._wire = wire

    def carry(self, address: str, letter: Letter) -> Result:
        """By 알림톡 where there is a template for it, else by SMS."""
        template = self._office.template(letter.audience)
        if template is not None:
            options = {
                "pfId": self._office.profile,
                "templateId": template,
                "variables": {f"#{{{name}}}": value for name, value in letter.variables.items()},
                "disableSms": False,
            }
            result = self._send(address, letter, {"type": "ATA", "kakaoOptions": options})
            if not isinstance(result, Permanent):
                return result
        return self._send(address, letter, {"type": "SMS"} if is_short(letter.text) else {"type": "LMS", "subject": "안부"})

    def receipt(self, reference: str) -> Receipt | None:
        """By the message's id; 4000 is delivered, 2000 and 3000 are on their way, all else is lost."""
        found = read_answer(self._ask("GET", f"/messages/v4/list?messageId={reference}"), _Found)
        state = found.message_list.get(reference) if isinstance(found, _Found) else None
        if state is None or state.status_code in _PENDING:
            return None
        return Receipt.DELIVERED if state.status_code == _ARRIVED else Receipt.LOST

    def _send(self, address: str, letter: Letter, kind: Mapping[str, object]) -> Result:
        custom = {"delivery": letter.id}
        message = {"to": address, "from": self._office.number, "text": letter.text, "customFields": custom, **kind}
        body = {"messages": [message], "showMessageList": True}
        answer = read_answer(self._ask("POST", "/messages/v4/send-many/detail", body), _Answer)
        if not isinstance(answer, _Answer):
            return answer
        taken = [each for each in answer.message_list if each.status_code == _ACCEPTED]
        if answer.failed_message_list or not taken:
            codes = ", ".join(each.status_code for each in answer.failed_message_list)
            return Permanent(error=f"the message is refused: {codes}")
        return Sent(reference=taken[0].message_id)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Asked:
        headers = {"Content-Type": "application/json", "Authorization": self._authorization()}
        content = None if body is None else json_bytes(body)
        return self._wire.ask(method, self._keys.url + path, headers=headers, content=content)

    def _authorization(self) -> str:
        date = to_datetime(self._clock.machine_now()).isoformat()
        salt = secrets.token_hex(16)
        signed = hmac.digest(self._keys.api_secret.encode(), f"{date}{salt}".encode(), "sha256").hex()
        return f"HMAC-SHA256 apiKey={self._keys.api_key}, date={date}, salt={salt}, signature={signed}"
