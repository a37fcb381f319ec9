"""NHN Cloud: 알림톡 by KakaoTalk Bizmessage v2.3, SMS and LMS by SMS v3.0.

Formats as in its public API guides (docs.nhncloud.com, Notification > KakaoTalk Bizmessage and SMS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from alerts.channels.phone import Office, is_short, json_bytes, read_answer
from alerts.channels.wire import Asked, Wire
from alerts.delivery import Permanent, Receipt, Result, Sent, Temporary
from alerts.letter import Letter

_DELIVERED, _FAILED = "3", "4"  # msgStatus of an SMS; 1 and 2 are on their way
_NOT_RESENT, _RESENT, _RESEND_FAILED = "RSC01", "RSC04", "RSC05"
_OVERLOADED = frozenset({-9999, -5000})  # what the guides call a system error: to be tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class NhnKeys:
    """The two services of one project; an app key stands in the address, the secret key in a header."""

    talk_app: str = field(repr=False)
    talk_secret: str = field(repr=False)
    sms_app: str = field(repr=False)
    sms_secret: str = field(repr=False)
    talk_url: str = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
    sms_url: str = "https://sms.api.nhncloudservice.com"


class _Head(msgspec.Struct, rename="camel"):
    is_successful: bool = False
    result_code: int = 0


class _Each(msgspec.Struct, rename="camel"):
    recipient_seq: int = 0
    result_code: int = 0


class _TalkSent(msgspec.Struct, rename="camel"):
    request_id: str = ""
    send_results: tuple[_Each, ...] = ()


class _TalkAnswer(msgspec.Struct):
    header: _Head
    message: _TalkSent | None = None


class _SmsSent(msgspec.Struct, rename="camel"):
    request_id: str = ""
    send_result_list: tuple[_Each, ...] = ()


class _SmsBody(msgspec.Struct):
    data: _SmsSent | None = None


class _SmsAnswer(msgspec.Struct):
    header: _Head
    body: _SmsBody | None = None


class _TalkState(msgspec.Struct, rename="camel"):
    message_status: str = ""
    resend_status: str = _NOT_RESENT


class _TalkFound(msgspec.Struct):
    message: _TalkState | None = None


class _SmsState(msgspec.Struct, rename="camel"):
    msg_status: str = ""


class _SmsFoundBody(msgspec.Struct):
    data: _SmsState | None = None


class _SmsFound(msgspec.Struct):
    body: _SmsFoundBody | None = None


class Nhn:
    """A `MessageGateway`. The provider itself falls back to SMS; where it refuses an 알림톡, we send the SMS.

    `X-NC-API-IDEMPOTENCY-KEY`: within ten minutes the same delivery is refused as a duplicate, which is as good as sent.
    """

    def __init__(self, keys: NhnKeys, office: Office, wire: Wire) -> None:
        self._keys = keys
        self._office = office
        self._wire = wire

    def carry(self, address: str, letter: Letter) -> Result:
        """By 알림톡 where there is a template for it, else by SMS."""
        template = self._office.template(letter.audience)
        if template is not None:
            result = self._talk(address, letter, template)
            if not isinstance(result, Permanent):
                return result
        return self._sms(address, letter)

    def receipt(self, reference: str) -> Receipt | None:
        """Asked of the service that took it."""
        kind, request, number = reference.split(":")
        if kind == "talk":
            talk = read_answer(self._get(f"{self._talk_address()}/{request}/{number}", self._keys.talk_secret), _TalkFound)
            return _of_talk(talk.message) if isinstance(talk, _TalkFound) and talk.message else None
        url = f"{self._sms_address(kind)}/{request}?recipientSeq={number}"
        sms = read_answer(self._get(url, self._keys.sms_secret), _SmsFound)
        if not isinstance(sms, _SmsFound) or sms.body is None or sms.body.data is None:
            return None
        return {_DELIVERED: Receipt.DELIVERED, _FAILED: Receipt.LOST}.get(sms.body.data.msg_status)

    def _talk(self, address: str, letter: Letter, template: str) -> Result:
        resend = {
            "isResend": True,
            "resendType": "SMS" if is_short(letter.text) else "LMS",
            "resendTitle": "안부",
            "resendContent": letter.text,
            "resendSendNo": self._office.number,
        }
        each = {"recipientNo": address, "templateParameter": dict(letter.variables), "resendParameter": resend}
        body = {"senderKey": self._office.profile, "templateCode": template, "recipientList": [each]}
        answer = read_answer(self._post(self._talk_address(), self._keys.talk_secret, letter, body), _TalkAnswer)
        if not isinstance(answer, _TalkAnswer):
            return answer
        sent = answer.message or _TalkSent()
        return _judged(answer.header, sent.send_results, f"talk:{sent.request_id}")

    def _sms(self, address: str, letter: Letter) -> Result:
        kind = "sms" if is_short(letter.text) else "mms"
        body: dict[str, object] = {
            "body": letter.text,
            "sendNo": self._office.number,
            "recipientList": [{"recipientNo": address}],
        }
        if kind == "mms":
            body["title"] = "안부"
        answer = read_answer(self._post(self._sms_address(kind), self._keys.sms_secret, letter, body), _SmsAnswer)
        if not isinstance(answer, _SmsAnswer):
            return answer
        sent = (answer.body.data if answer.body else None) or _SmsSent()
        return _judged(answer.header, sent.send_result_list, f"{kind}:{sent.request_id}")

    def _talk_address(self) -> str:
        return f"{self._keys.talk_url}/alimtalk/v2.3/appkeys/{self._keys.talk_app}/messages"

    def _sms_address(self, kind: str) -> str:
        return f"{self._keys.sms_url}/sms/v3.0/appKeys/{self._keys.sms_app}/sender/{kind}"

    def _post(self, url: str, secret: str, letter: Letter, body: Mapping[str, object]) -> Asked:
        headers = {
            "Content-Type": "application/json;charset=UTF-8",
            "X-Secret-Key": secret,
            "X-NC-API-IDEMPOTENCY-KEY": letter.id,
        }
        return self._wire.ask("POST", url, headers=headers, content=json_bytes(body))

    def _get(self, url: str, secret: str) -> Asked:
        return self._wire.ask("GET", url, headers={"X-Secret-Key": secret})


def _judged(head: _Head, each: tuple[_Each, ...], reference: str) -> Result:
    if head.result_code in _OVERLOADED:
        return Temporary(error=f"the provider is overloaded: {head.result_code}")
    if not head.is_successful or not each:
        return Permanent(error=f"refused: {head.result_code}")
    if each[0].result_code != 0:
        return Permanent(error=f"the recipient is refused: {each[0].result_code}")
    return Sent(reference=f"{reference}:{each[0].recipient_seq}")


def _of_talk(state: _TalkState) -> Receipt | None:
    if state.message_status == "COMPLETED" or state.resend_status == _RESENT:
        return Receipt.DELIVERED
    if state.resend_status == _RESEND_FAILED:
        return Receipt.LOST
    return Receipt.LOST if state.message_status in ("FAILED", "CANCEL") and state.resend_status == _NOT_RESENT else None
