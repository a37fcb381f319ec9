"""Naver Cloud SENS: 알림톡 and SMS by its v2 API, on the public, the financial or the government cloud.

Formats as in its public API guide (api.ncloud-docs.com, Simple & Easy Notification Service; apidocs.gov-ncloud.com).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from alerts.channels.phone import Office, is_short, json_bytes, read_answer
from alerts.channels.wire import Asked, Wire
from alerts.delivery import Permanent, Receipt, Result, Sent
from alerts.letter import Letter
from ingest.clock import Clock

PUBLIC = "https://sens.apigw.ntruss.com"
GOVERNMENT = "https://sens.apigw.gov-ntruss.com"

_ACCEPTED = "A000"
_ARRIVED = "0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensKeys:
    """A sub-account's key pair and the services it may use."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    sms_service: str  # ncp:sms:kr:...
    talk_service: str | None = None  # ncp:kkobizmsg:kr:...
    url: str = PUBLIC


class _TalkEach(msgspec.Struct, rename="camel"):
    message_id: str = ""
    request_status_code: str = ""


class _TalkAnswer(msgspec.Struct, rename="camel"):
    messages: tuple[_TalkEach, ...] = ()


class _SmsAnswer(msgspec.Struct, rename="camel"):
    request_id: str = ""
    status_code: str = ""


class _Failover(msgspec.Struct, rename="camel"):
    request_id: str = ""


class _TalkState(msgspec.Struct, rename="camel"):
    message_status_code: str | None = None
    message_status_name: str | None = None
    use_sms_failover: bool = False
    failover: _Failover | None = None


class _SmsState(msgspec.Struct, rename="camel"):
    status: str = ""
    status_name: str | None = None


class _SmsList(msgspec.Struct):
    messages: tuple[_SmsState, ...] = ()


class Sens:
    """A `MessageGateway`. It knows no idempotency key: a message sent twice shows the same number in its text."""

    def __init__(self, keys: SensKeys, office: Office, clock: Clock, wire: Wire) -> None:
        self._keys = keys
        self._office = office
        self._clock = clock
        self._wire = wire

    def carry(self, address: str, letter: Letter) -> Result:
        """By 알림톡 where there is a template for it, else by SMS."""
        template = self._office.template(letter.audience) if self._keys.talk_service else None
        if template is not None:
            result = self._talk(address, letter, template)
            if not isinstance(result, Permanent):
                return result
        return self._sms(address, letter)

    def receipt(self, reference: str) -> Receipt | None:
        """Asked of the service that took it; of the SMS that replaced an 알림톡 where there was one."""
        kind, number = reference.split(":", 1)
        if kind == "sms":
            return self._sms_receipt(number)
        found = read_answer(self._ask("GET", f"{self._talk_path()}/{number}"), _TalkState)
        if not isinstance(found, _TalkState) or found.message_status_name not in ("success", "fail"):
            return None
        if found.message_status_code == _ARRIVED:
            return Receipt.DELIVERED
        if found.use_sms_failover:
            return self._sms_receipt(found.failover.request_id) if found.failover else None
        return Receipt.LOST

    def _sms_receipt(self, request: str) -> Receipt | None:
        found = read_answer(self._ask("GET", f"{self._sms_path()}?requestId={request}"), _SmsList)
        if not isinstance(found, _SmsList) or not found.messages or found.messages[0].status != "COMPLETED":
            return None
        return Receipt.DELIVERED if found.messages[0].status_name == "success" else Receipt.LOST

    def _talk(self, address: str, letter: Letter, template: str) -> Result:
        instead = {"type": _kind(letter), "from": self._office.number, "subject": "안부", "content": letter.text}
        each = {"to": address, "content": letter.text, "useSmsFailover": True, "failoverConfig": instead}
        body = {"plusFriendId": self._office.profile, "templateCode": template, "messages": [each]}
        answer = read_answer(self._ask("POST", self._talk_path(), body), _TalkAnswer)
        if not isinstance(answer, _TalkAnswer):
            return answer
        if not answer.messages or answer.messages[0].request_status_code != _ACCEPTED:
            return Permanent(error="the message is refused")
        return Sent(reference=f"talk:{answer.messages[0].message_id}")

    def _sms(self, address: str, letter: Letter) -> Result:
        body = {
            "type": _kind(letter),
            "contentType": "COMM",
            "countryCode": "82",
            "from": self._office.number,
            "subject": "안부",
            "content": letter.text,
            "messages": [{"to": address}],
        }
        answer = read_answer(self._ask("POST", self._sms_path(), body), _SmsAnswer)
        if not isinstance(answer, _SmsAnswer):
            return answer
        if answer.status_code != "202" or not answer.request_id:
            return Permanent(error="the message is refused")
        return Sent(reference=f"sms:{answer.request_id}")

    def _talk_path(self) -> str:
        return f"/alimtalk/v2/services/{self._keys.talk_service}/messages"

    def _sms_path(self) -> str:
        return f"/sms/v2/services/{self._keys.sms_service}/messages"

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Asked:
        stamp = str(self._clock.machine_now())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "x-ncp-apigw-timestamp": stamp,
            "x-ncp-iam-access-key": self._keys.access_key,
            "x-ncp-apigw-signature-v2": signature(self._keys, method, path, stamp),
        }
        content = None if body is None else json_bytes(body)
        return self._wire.ask(method, self._keys.url + path, headers=headers, content=content)


def signature(keys: SensKeys, method: str, path: str, timestamp: str) -> str:
    """Base64 of HMAC-SHA256 over method, path with query, timestamp in ms, and access key."""
    parts = urlsplit(keys.url + path)
    asked = parts.path + (f"?{parts.query}" if parts.query else "")
    said = f"{method} {asked}\n{timestamp}\n{keys.access_key}"
    return base64.b64encode(hmac.digest(keys.secret_key.encode(), said.encode(), "sha256")).decode()


def _kind(letter: Letter) -> str:
    return "SMS" if is_short(letter.text) else "LMS"
