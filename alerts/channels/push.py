"""The web push channel: a letter encrypted for one browser (RFC 8291), under a key that names this site (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import hashlib
import os
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from alerts.channels.wire import Answer, Wire
from alerts.contacts import PushAddress
from alerts.delivery import Permanent, Result, Sent
from alerts.letter import Letter
from ingest.clock import HOUR, SECOND, Clock
from ingest.seal import Sealer

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LIFE_S = 24 * 3600
"""How long a push service keeps a letter for a browser that is off."""

_RECORD = 4096
_GONE = frozenset({404, 410})


class Vapid:
    """The site's push key, derived from the site's own key: nothing more to keep, and the same after a restore."""

    def __init__(self, sealer: Sealer, subject: str) -> None:
        """`subject` is how a push service reaches the operator: mailto: or https:."""
        number = int.from_bytes(sealer.derived_key("web push")) % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(number, _CURVE)
        self._subject = subject
        self.public = base64url(_point(self._key.public_key()))  # what the page subscribes with

    def authorization(self, endpoint: str, clock: Clock) -> str:
        """The Authorization header for a push service (RFC 8292, section 3)."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": (clock.machine_now() + 12 * HOUR) // SECOND,
            "sub": self._subject,
        }
        said = ".".join(base64url(msgspec.json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._key.sign(said.encode(), ec.ECDSA(SHA256())))
        return f"vapid t={said}.{base64url(r.to_bytes(32) + s.to_bytes(32))}, k={self.public}"


class Push:
    """A carrier of web push; the address is a browser's subscription as JSON."""

    def __init__(self, vapid: Vapid, clock: Clock, wire: Wire) -> None:
        self._vapid = vapid
        self._clock = clock
        self._wire = wire

    def carry(self, address: str, letter: Letter) -> Result:
        """2xx is sent; 404 and 410 say that the browser has unsubscribed."""
        try:
            browser = msgspec.json.decode(address, type=PushAddress)
            told = {"title": letter.subject, "body": letter.text, "link": letter.link or "/", "tag": letter.number}
            body = encrypt(msgspec.json.encode(told), browser)
        except ValueError:
            return Permanent(error="not a browser's subscription", gone=True)
        headers = {
            "Authorization": self._vapid.authorization(browser.endpoint, self._clock),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_LIFE_S),
            "Urgency": "high" if letter.danger else "normal",
            # A second one under the same topic replaces the first that still waits at the service (RFC 8030, 5.4).
            "Topic": base64url(hashlib.sha256(letter.id.encode()).digest()[:24]),
        }
        answer = self._wire.ask("POST", browser.endpoint, content=body, headers=headers, read=False)
        if not isinstance(answer, Answer):
            return answer
        return Sent() if answer.ok else Permanent(error=f"status {answer.status}", gone=answer.status in _GONE)


def encrypt(
    data: bytes, browser: PushAddress, *, salt: bytes | None = None, key: ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    """The data for this browser in one aes128gcm record (RFC 8291, section 3.4; RFC 8188). ValueError for keys that are none."""
    theirs = from_base64url(browser.p256dh)
    secret = from_base64url(browser.auth)
    salt = salt or os.urandom(16)
    key = key or ec.generate_private_key(_CURVE)
    ours = _point(key.public_key())
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, theirs))
    input_key = _hkdf(secret, shared, b"WebPush: info\x00" + theirs + ours, 32)
    content_key = _hkdf(salt, input_key, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _hkdf(salt, input_key, b"Content-Encoding: nonce\x00", 12)
    header = salt + _RECORD.to_bytes(4) + bytes([len(ours)]) + ours
    return header + AESGCM(content_key).encrypt(nonce, data + b"\x02", None)


def base64url(data: bytes) -> str:
    """Without padding, as both RFCs write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes; ValueError where it is no such text."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def _hkdf(salt: bytes, key: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
