"""The site's own certificate authority: it signs the broker's certificate and the devices', and takes them back.

Keys are on the curve P-256, which small devices compute quickly. Instants are machine time in ms UTC.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anbu.broker_site import BrokerFolder
from ingest.clock import Millis, to_datetime

AUTHORITY_DAYS = 20 * 365
SERVER_DAYS = 825
DEVICE_DAYS = 10 * 365
RENEW_DAYS = 60
"""With fewer days left, the broker's certificate is to be renewed."""

_BACKDATED = timedelta(hours=1)
"""A device's clock may be a little behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate and its key, both PEM. The key is kept nowhere else."""

    certificate: bytes
    key: bytes
    serial: int


def make_authority(folder: BrokerFolder, name: str, now: Millis) -> None:
    """A new authority with an empty list of what it took back; whatever another one signed is worth nothing any more."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _certificate(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.write(folder.ca_key, _pem_key(key), private=True)
    folder.write(folder.ca_crt, certificate.public_bytes(serialization.Encoding.PEM))
    _write_revoked(folder, certificate, key, [], now)


def sign_server(folder: BrokerFolder, hosts: Sequence[str], now: Millis) -> None:
    """A new key and certificate of the broker for these names and addresses, by which devices reach it."""
    authority, signer = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    certificate = (
        _certificate(subject, authority.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    folder.write(folder.server_key, _pem_key(key))
    folder.write(folder.server_crt, certificate.public_bytes(serialization.Encoding.PEM))


def sign_device(folder: BrokerFolder, device_id: str, now: Millis) -> Credential:
    """A key and certificate for this device; its common name is what the broker knows it by."""
    authority, signer = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    certificate = (
        _certificate(subject, authority.subject, key.public_key(), now, DEVICE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return Credential(certificate=pem, key=_pem_key(key), serial=certificate.serial_number)


def revoke_device(folder: BrokerFolder, serial: int, now: Millis) -> None:
    """Take this certificate back: from the broker's next SIGHUP on nobody comes in with it."""
    authority, signer = _authority(folder)
    with folder.changing():
        known = x509.load_pem_x509_crl(folder.revoked.read_bytes())
        if known.get_revoked_certificate_by_serial_number(serial) is not None:
            return
        at = to_datetime(now)
        taken = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        _write_revoked(folder, authority, signer, [*known, taken], now)


def server_hosts(folder: BrokerFolder) -> tuple[str, ...]:
    """The names and addresses the broker's certificate holds for."""
    certificate = x509.load_pem_x509_certificate(folder.server_crt.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def server_expires(folder: BrokerFolder) -> datetime:
    """When the broker's certificate ends, UTC."""
    return x509.load_pem_x509_certificate(folder.server_crt.read_bytes()).not_valid_after_utc


def _authority(folder: BrokerFolder) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = serialization.load_pem_private_key(folder.ca_key.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder.ca_key} is not a key on an elliptic curve")
    return x509.load_pem_x509_certificate(folder.ca_crt.read_bytes()), key


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: Millis, days: int
) -> x509.CertificateBuilder:
    at = to_datetime(now)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(at + timedelta(days=days))
    )


def _write_revoked(
    folder: BrokerFolder,
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    taken: Sequence[x509.RevokedCertificate],
    now: Millis,
) -> None:
    at = to_datetime(now)
    # As long as the authority itself: a list that has run out would shut every device out.
    until = max(authority.not_valid_after_utc, at + timedelta(days=1))
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(at - _BACKDATED).next_update(until)
    for one in taken:
        builder = builder.add_revoked_certificate(one)
    folder.write(folder.revoked, builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, key_cert_sign: bool, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
