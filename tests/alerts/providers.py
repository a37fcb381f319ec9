"""Local servers that speak the providers' protocols, check what they are sent as those do, and misbehave when told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from alerts.channels.push import _hkdf, _point, base64url, from_base64url
from alerts.channels.webhook import is_signed
from tests.servers import free_port

ALWAYS = 1_000_000_000_000
"""Machine time of the clocks of these tests, ms."""


class Taken:
    """One message as its receiver has it."""

    def __init__(self, key: str, to: str, text: str, kind: str = "") -> None:
        self.key, self.to, self.text, self.kind = key, to, text, kind


class WebServer:
    """Answers with `self.said` unless a manner is left: `(status, headers)`, "hang", "half", "reset"."""

    def __init__(self) -> None:
        self.manners: list[Any] = []
        self.taken: list[Taken] = []
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.states: dict[str, Any] = {}
        self.closing = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                web.handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def do_GET(self) -> None:
                web.handle(self, b"")

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append(f"{request.command} {request.path}")
        self.bodies.append(body)
        manner = self.manners.pop(0) if self.manners else None
        request.close_connection = True
        if manner == "hang":
            self.closing.wait(20)
        elif manner == "reset":
            # No time to linger: the peer is told that the connection is broken, not that it has ended.
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
        elif isinstance(manner, tuple):
            self._say(request, manner[0], manner[1], b"")
        else:
            status, said = self.said(request.command, request.path, dict(request.headers), body)
            text = json.dumps(said).encode()
            if manner == "half":
                self._say(request, status, {"Content-Length": str(len(text) + 10)}, text[: len(text) // 2])
            else:
                self._say(request, status, {"Content-Length": str(len(text))}, text)

    def _say(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        raise NotImplementedError

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


class HookServer(WebServer):
    """A receiver of signed JSON: webhook and call bridge."""

    secret = b"a secret of sixteen letters"

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if not is_signed(self.secret, headers["Anbu-Timestamp"], headers["Anbu-Signature"], body, ALWAYS):
            return 401, {}
        found = json.loads(body)
        self.taken.append(Taken(headers["Idempotency-Key"], found.get("to", ""), found.get("say", body.decode())))
        return 202, {"reference": f"call-{len(self.taken)}"}


class PushServer(WebServer):
    """A push service with one browser behind it, which decrypts what arrives (RFC 8291) and checks who sent it (RFC 8292)."""

    def __init__(self) -> None:
        super().__init__()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"sixteen bytes au"

    def subscription(self) -> str:
        keys = {"p256dh": base64url(_point(self.key.public_key())), "auth": base64url(self.auth)}
        return json.dumps({"endpoint": f"{self.url}/push/abc", **keys})

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        self._authorized(headers["Authorization"])
        assert headers["Content-Encoding"] == "aes128gcm"
        assert int(headers["TTL"]) > 0
        told = json.loads(self.decrypted(body))
        self.taken.append(Taken(headers["Topic"], path, told["body"], headers["Urgency"]))
        return 201, {}

    def decrypted(self, body: bytes) -> bytes:
        salt, length = body[:16], body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        mine = _point(self.key.public_key())
        input_key = _hkdf(self.auth, shared, b"WebPush: info\x00" + mine + theirs, 32)
        content_key = _hkdf(salt, input_key, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = _hkdf(salt, input_key, b"Content-Encoding: nonce\x00", 12)
        return AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\x02")

    def _authorized(self, text: str) -> None:
        assert text.startswith("vapid t=")
        token, key = text.removeprefix("vapid t=").split(", k=")
        said, _, signature = token.rpartition(".")
        claims = json.loads(from_base64url(said.split(".")[1]))
        assert claims["aud"] == self.url
        assert claims["exp"] > ALWAYS // 1_000
        assert claims["sub"] == "mailto:ops@example.kr"
        raw = from_base64url(signature)
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(key))
        public.verify(der, said.encode(), ec.ECDSA(SHA256()))


class AppriseServer(WebServer):
    """What Apprise's json:// talks to."""

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        found = json.loads(body)
        self.taken.append(Taken("", path, found["message"], found["type"]))
        return 200, {}


class NhnServer(WebServer):
    """NHN Cloud: KakaoTalk Bizmessage v2.3 and SMS v3.0. `refuse`: every 알림톡 is refused."""

    refuse = False
    overload = 0

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        head = {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}
        talk = path.startswith("/alimtalk/v2.3/appkeys/talk-app/messages")
        assert talk or path.startswith("/sms/v3.0/appKeys/sms-app/sender/")
        if headers["X-Secret-Key"] != ("talk-secret" if talk else "sms-secret"):
            return 401, {}
        if method == "GET":
            return 200, {"header": head, ("message" if talk else "body"): self.states.get(path, None if talk else {})}
        if self.overload:
            return 200, {"header": {"resultCode": self.overload, "resultMessage": "busy", "isSuccessful": False}}
        found = json.loads(body)
        each = found["recipientList"][0]
        seq = {"recipientSeq": 1, "recipientNo": each["recipientNo"], "resultCode": 0, "resultMessage": "SUCCESS"}
        if talk and self.refuse:
            return 200, {"header": head, "message": {"requestId": "r0", "sendResults": [{**seq, "resultCode": 3018}]}}
        self.seen.add(headers["X-NC-API-IDEMPOTENCY-KEY"])
        if talk:
            assert found["senderKey"] == "profile"
            assert each["resendParameter"]["isResend"] is True
            text = json.dumps(each["templateParameter"], ensure_ascii=False)
            self.taken.append(Taken(headers["X-NC-API-IDEMPOTENCY-KEY"], each["recipientNo"], text, "talk"))
            return 200, {"header": head, "message": {"requestId": "r1", "sendResults": [seq]}}
        kind = urlsplit(path).path.rpartition("/")[2]
        assert (kind == "mms") == ("title" in found)
        self.taken.append(Taken(headers["X-NC-API-IDEMPOTENCY-KEY"], each["recipientNo"], found["body"], kind))
        return 200, {"header": head, "body": {"data": {"requestId": "r2", "statusCode": "2", "sendResultList": [seq]}}}


class SensServer(WebServer):
    """Naver Cloud SENS v2. `refuse`: every 알림톡 gets another status than A000."""

    refuse = False
    refuse_sms = False

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        said = f"{method} {path}\n{headers['x-ncp-apigw-timestamp']}\n{headers['x-ncp-iam-access-key']}"
        right = base64.b64encode(hmac.new(b"sens-secret", said.encode(), hashlib.sha256).digest()).decode()
        late = abs(int(headers["x-ncp-apigw-timestamp"]) - ALWAYS) > 300_000
        if headers["x-ncp-apigw-signature-v2"] != right or headers["x-ncp-iam-access-key"] != "sens-access" or late:
            return 401, {"error": {"errorCode": "200", "message": "Authentication Failed"}}
        if method == "GET":
            return 200, self.states.get(path, {"messages": []})
        found = json.loads(body)
        to = found["messages"][0]["to"]
        if path.startswith("/alimtalk/v2/services/talk-service/"):
            each = found["messages"][0]
            assert found["plusFriendId"] == "profile"
            assert each["useSmsFailover"] is True
            assert each["failoverConfig"]["from"] == "025550000"
            code = "E303" if self.refuse else "A000"
            if not self.refuse:
                self.taken.append(Taken("", to, each["content"], "talk"))
            return 202, {"requestId": "r1", "statusCode": "202", "messages": [{"messageId": "m1", "requestStatusCode": code}]}
        assert path == "/sms/v2/services/sms-service/messages"
        if self.refuse_sms:
            return 202, {"requestId": "r2", "statusCode": "400"}
        self.taken.append(Taken("", to, found["content"], found["type"]))
        return 202, {"requestId": "r2", "requestTime": "2026-01-12T00:00:00", "statusCode": "202", "statusName": "success"}


class SolapiServer(WebServer):
    """Solapi messages v4. `refuse`: no 알림톡 is registered; `failed`: codes with which it refuses whatever comes."""

    refuse = False
    failed: tuple[str, ...] = ()

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        kind, _, rest = headers["Authorization"].partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        right = hmac.new(b"solapi-secret", (parts["date"] + parts["salt"]).encode(), hashlib.sha256).hexdigest()
        timely = abs(datetime.fromisoformat(parts["date"]).timestamp() * 1000 - ALWAYS) < 15 * 60_000
        if kind != "HMAC-SHA256" or parts["apiKey"] != "solapi-key" or parts["signature"] != right or not timely:
            return 403, {"errorCode": "SignatureDoesNotMatch", "errorMessage": "..."}
        if method == "GET":
            (number,) = parse_qs(urlsplit(path).query)["messageId"]
            found = {number: self.states[number]} if number in self.states else {}
            return 200, {"messageList": found}
        assert path == "/messages/v4/send-many/detail"
        (message,) = json.loads(body)["messages"]
        each = {"messageId": f"M{len(self.taken)}", "statusCode": "2000", "statusMessage": "정상 접수"}
        if self.failed:
            return 200, {"failedMessageList": [{**each, "statusCode": code} for code in self.failed], "messageList": []}
        if message["type"] == "ATA":
            assert message["kakaoOptions"]["pfId"] == "profile"
            assert message["kakaoOptions"]["disableSms"] is False
            if self.refuse:
                return 200, {"failedMessageList": [{**each, "statusCode": "1042"}], "groupInfo": {}, "messageList": []}
        self.taken.append(Taken(message["customFields"]["delivery"], message["to"], message["text"], message["type"]))
        return 200, {"failedMessageList": [], "groupInfo": {"groupId": "G1"}, "messageList": [each]}


class MailHost:
    """A mail server (aiosmtpd). Manners: an SMTP code for the recipient, "hang", "half" (a broken answer), "reset"."""

    def __init__(self, *, tls: Any = None, authenticates: bool = False) -> None:
        self.manners: list[Any] = []
        self.mails: list[EmailMessage] = []
        self.logins: list[str] = []
        options: dict[str, Any] = {"tls_context": tls} if tls else {}
        if authenticates:
            options |= {"authenticator": self._authenticate, "auth_require_tls": bool(tls), "auth_required": True}
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), **options)
        self.controller.start()
        self.port = self.controller.port

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        manner = self.manners.pop(0) if self.manners else None
        if isinstance(manner, int):
            return f"{manner} not now"
        if manner == "hang":
            await asyncio.sleep(20)
        if manner == "half":
            server.transport.write(b"25")
            server.transport.close()
        if manner == "reset":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"

    @property
    def taken(self) -> list[Taken]:
        return [Taken(str(mail["Message-ID"]), str(mail["To"]), _plain(mail)) for mail in self.mails]

    def close(self) -> None:
        if not self.controller.loop.is_closed():
            self.controller.stop(no_assert=True)


def _plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
