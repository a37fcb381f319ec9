"""The folder Mosquitto reads: who may connect, to which topics, and under which certificates.

Everything in it is written whole and put in place by a rename, under a lock, so that a broker which reads at that moment
(start or SIGHUP) sees the old file or the new one. Names of accounts are ids of devices, and ours.
"""

from __future__ import annotations

import fcntl
import grp
import hashlib
import hmac
import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.dialects.registry import DIALECTS, subscriptions
from ingest.mqtt_wire import CANARY_ROOT, canary_through
from ingest.wire import ROOT

ITERATIONS = 101
"""What mosquitto_passwd takes by default. Mosquitto computes them on its only thread at every connection; the
passwords are random and long, so that more of them would protect nothing."""

BROKER_GROUP = "mosquitto"

CANARY_ACCOUNT = "anbu-canary"
"""Under which the synthetic homes press their buttons."""

_SALT_BYTES, _HASH_BYTES = 12, 64
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

ACL = """\
# Who may do what; read again at SIGHUP (systemctl reload mosquitto). Made by `anbu broker init`, kept by `anbu device`.
# %u is the account, which is the device. That a device names a household not its own is for the register to judge.
pattern write {root}/+/+/%u/#
pattern read {root}/ack/%u

# Our process: hears everything, writes the words by which it knows that it hears each dialect to the end, and asks
# Sparkplug nodes to introduce themselves again.
user {listener}
topic read #
topic read $SYS/#
topic write {root}/canary/+/link/canary
{canaries}
topic write spBv1.0/+/NCMD/+

# Our second connection: acknowledges.
user {acks}
topic write {root}/ack/+
"""


class AccountWrong(ValueError):
    """A name that cannot be an account."""


class BrokerFolder:
    """`<data>/broker-site` of one site. Methods raise OSError as the file system does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passwd = folder / "passwd"
        self.acl = folder / "acl"
        self.conf = folder / "mosquitto.conf"
        self.ca_crt = folder / "ca.crt"
        self.ca_key = folder / "ca.key"
        self.revoked = folder / "revoked.crl"
        self.server_crt = folder / "server.crt"
        self.server_key = folder / "server.key"

    def make(self) -> bool:
        """Make the folder for the broker's group, where there is one and we may; False where that cannot read it yet.

        The folder above it is the site's data, closed to everybody else: the group may pass through it, to this one alone.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.folder.chmod(0o750)
        try:
            group = grp.getgrnam(BROKER_GROUP).gr_gid
            os.chown(self.folder, -1, group)
            if not stat.S_IMODE(self.folder.parent.stat().st_mode) & 0o077:  # as `anbu init` made it, nobody else's group
                os.chown(self.folder.parent, -1, group)
                self.folder.parent.chmod(0o710)
        except (KeyError, PermissionError):
            return False
        return not self.closed()

    def closed(self) -> list[Path]:
        """The folders above this one through which the broker's group may not pass; none where there is no such group."""
        try:
            group = grp.getgrnam(BROKER_GROUP).gr_gid
        except KeyError:
            return []
        return [one for one in self.folder.absolute().parents if not _lets_through(one, group)]

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One change at a time, whatever process makes it."""
        with (self.folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def write(self, file: Path, content: bytes, *, private: bool = False) -> None:
        """Put the file in place in one step: for us alone, or for the broker's group to read too."""
        new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                if not private:
                    with suppress(PermissionError):  # the folder's group is not ours: `make` has said so
                        os.fchown(stream.fileno(), -1, self.folder.stat().st_gid)
                    os.fchmod(stream.fileno(), 0o640)
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)

    def accounts(self) -> tuple[str, ...]:
        """Who has a password, sorted."""
        return tuple(sorted(self._hashes()))

    def set_password(self, account: str, password: str) -> None:
        """Let this account in with this password, in place of the one it had; AccountWrong for a name that is none."""
        if not _ACCOUNT.match(account):
            raise AccountWrong(f"{account!r} cannot be an account: letters, digits, - and _ only")
        with self.changing():
            self._write_hashes(self._hashes() | {account: hash_password(password)})

    def drop_password(self, account: str) -> bool:
        """Let this account in no more (from the broker's next SIGHUP on); False where it had no password."""
        with self.changing():
            hashes = self._hashes()
            if hashes.pop(account, None) is None:
                return False
            self._write_hashes(hashes)
            return True

    def allow(self, account: str, topics: Sequence[str]) -> None:
        """Give the account these `topic` lines besides its own native topics, in place of those it had; none: take them."""
        if not _ACCOUNT.match(account):
            raise AccountWrong(f"{account!r} cannot be an account: letters, digits, - and _ only")
        with self.changing():
            text = _without(self.acl.read_text(encoding="utf-8"), account)
            if topics:
                text += "\n".join(["", f"user {account}", *(f"topic {topic}" for topic in topics), ""])
            self.write(self.acl, text.encode())

    def allowed(self, account: str) -> list[str]:
        """The `topic` lines that `allow` gave the account."""
        block = self.acl.read_text(encoding="utf-8").partition(f"\nuser {account}\n")[2].partition("\n\n")[0]
        return [line.removeprefix("topic ") for line in block.splitlines() if line.startswith("topic ")]

    def _hashes(self) -> dict[str, str]:
        try:
            lines = self.passwd.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _write_hashes(self, hashes: dict[str, str]) -> None:
        text = "".join(f"{account}:{hashed}\n" for account, hashed in sorted(hashes.items()))
        self.write(self.passwd, text.encode("ascii"))


def write_acl(folder: BrokerFolder, listener: str, acks: str, client_id: str) -> None:
    """Write the topics of devices in general, and of our own two accounts: for every dialect, so that one may be switched on."""
    canaries = [canary_through(client_id, one) for one in subscriptions(DIALECTS)]
    lines = "\n".join(f"topic write {canary}" for canary in canaries if not canary.startswith(CANARY_ROOT))
    folder.write(folder.acl, ACL.format(root=ROOT, listener=listener, acks=acks, canaries=lines).encode())


def hash_password(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The password as Mosquitto 2.0 keeps it: PBKDF2 with SHA-512, written `$7$iterations$salt$hash`."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return f"$7${iterations}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def password_fits(password: str, hashed: str) -> bool:
    """Whether a `$7$` entry is of this password; False for any other kind of entry."""
    parts = hashed.split("$")
    if len(parts) != 5 or parts[1] != "7" or not parts[2].isdigit():
        return False
    return hmac.compare_digest(hash_password(password, b64decode(parts[3]), int(parts[2])), hashed)


def _lets_through(folder: Path, group: int) -> bool:
    mode = folder.stat()
    return bool(mode.st_mode & (stat.S_IXGRP if mode.st_gid == group else stat.S_IXOTH))


def _without(acl: str, account: str) -> str:
    """The topics without this account's own block, which ends at the next `user` or an empty line."""
    kept: list[str] = []
    inside = False
    for line in acl.splitlines():
        if line.startswith("user ") or not line.strip():
            inside = line == f"user {account}"
        if not inside:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n"
