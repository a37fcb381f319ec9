"""How personal fields are sealed at rest: AES-256-GCM, bound to what they are about, under a key named in front."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_NONCE_AT = len(_FORMAT) + _KEY_ID_BYTES
_DATA_AT = _NONCE_AT + _NONCE_BYTES
_TAG_BYTES = 16

KEY_ID_AT = (len(_FORMAT), _KEY_ID_BYTES)
"""Offset and length of the `Sealer.key_id` in a sealed value, for those who ask without opening it."""


class SealBroken(Exception):
    """What is named could not be opened: altered, moved to another row, or sealed under another key."""

    def __init__(self, about: str, why: str) -> None:
        super().__init__(f"cannot open {about}: {why}")
        self.about = about
        self.why = why


class KeyUnusable(Exception):
    """The key could not be taken; the text names its source and what would be right, never the key."""


class Sealer:
    """Seals bytes under one 256-bit key. Safe to use from several threads.

    A sealed value is format (1 byte), key id (4), nonce (12), then ciphertext with tag; all of it, and `about`, is
    authenticated. The key id lets a later key stand beside this one while old rows are sealed anew.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable(f"a key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._cipher = AESGCM(key)
        self._root = key
        self.key_id = sha256(b"anbu key id" + key).digest()[:_KEY_ID_BYTES]

    def __repr__(self) -> str:
        return f"Sealer(key_id={self.key_id.hex()})"

    def seal(self, data: bytes, *, about: str) -> bytes:
        """The data sealed for `about` (such as `resident:hh-1`); twice the same data gives two different results."""
        # A random 96-bit nonce is safe to 2**32 values under one key; a city's register stays far below.
        nonce = secrets.token_bytes(_NONCE_BYTES)
        header = _FORMAT + self.key_id
        return header + nonce + self._cipher.encrypt(nonce, data, header + about.encode())

    def derived_key(self, use: str) -> bytes:
        """A key of its own for this use (HKDF-SHA256): whoever is given it learns nothing of this one."""
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"anbu {use}".encode()).derive(self._root)

    def keyed_hash(self, data: bytes, *, use: str) -> bytes:
        """HMAC-SHA256 under the key of this use: equal data can be found again, and guessed by nobody without the key."""
        return hmac.digest(self.derived_key(use), data, "sha256")

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """The data back; SealBroken unless it was sealed by `seal` with this key for this very `about`."""
        if len(sealed) < _DATA_AT + _TAG_BYTES or not sealed.startswith(_FORMAT):
            raise SealBroken(about, "not a sealed value")
        header, nonce = sealed[:_NONCE_AT], sealed[_NONCE_AT:_DATA_AT]
        if header[1:] != self.key_id:
            raise SealBroken(about, f"sealed under key {header[1:].hex()}, this is key {self.key_id.hex()}")
        try:
            return self._cipher.decrypt(nonce, sealed[_DATA_AT:], header + about.encode())
        except InvalidTag as error:
            raise SealBroken(about, "altered, or taken from another place") from error


def new_key() -> bytes:
    """A fresh random key."""
    return secrets.token_bytes(KEY_BYTES)


def load_key(source: Path | str) -> bytes:
    """The key from a file (`Path`) or from the environment variable of that name (`str`), base64 in both.

    Raises KeyUnusable: not there, not base64 of 32 bytes, or a file that others than its owner may read.
    """
    if isinstance(source, str):
        text = os.environ.get(source)
        if text is None:
            raise KeyUnusable(f"environment variable {source} is not set; it must hold the key, base64")
        return _decoded(text, f"environment variable {source}")
    try:
        mode = source.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise KeyUnusable(f"{source} has mode {stat.S_IMODE(mode):04o}: only its owner may read it (chmod 600 {source})")
        text = source.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise KeyUnusable(f"{source} does not hold a key: it must be base64 of {KEY_BYTES} bytes") from error
    except OSError as error:
        raise KeyUnusable(f"{source} cannot be read: {error.strerror}") from error
    return _decoded(text, str(source))


def write_key(path: Path, key: bytes) -> None:
    """Write the key to a new file that only its owner may read; FileExistsError rather than losing an old key."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(descriptor)


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{where} does not hold a key: it must be base64 of {KEY_BYTES} bytes")
    return key
