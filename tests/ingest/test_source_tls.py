"""The source over TLS to a real Mosquitto: a broker whose certificate our authority signed is heard, another is not."""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.clock import SystemClock
from ingest.journal.memory import MemoryJournal
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest.journals import payloads
from tests.servers import MosquittoServer, publish
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
QUICK = Pace(canary_every_s=0.2, backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, as {name}.pem and {name}.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return folder / f"{name}.pem"


@pytest.fixture
def tls_port(tmp_path: Path, mosquitto_broker: MosquittoServer) -> Iterator[int]:
    """A second listener of the running Mosquitto, with TLS; its authority is ours.pem."""
    mosquitto_broker.stop()
    certificate(tmp_path, "ours")
    yield mosquitto_broker.also_listen(f"certfile {tmp_path}/ours.pem\nkeyfile {tmp_path}/ours.key\n")


def source(journal: MemoryJournal, port: int, ca_file: Path) -> MqttSource:
    address = BrokerAddress(host="127.0.0.1", port=port, client_id="anbu-test", tls=True, ca_file=ca_file)
    started = MqttSource(journal, SystemClock(), address, pace=QUICK)
    started.start()
    return started


def test_a_broker_our_authority_signed_is_heard_large_messages_and_all(
    tls_port: int, mosquitto_broker: MosquittoServer, tmp_path: Path
) -> None:
    journal = MemoryJournal()
    heard = source(journal, tls_port, tmp_path / "ours.pem")
    until(lambda: heard.status().caught_up)
    sent = [(f"anbu/v1/d/h/p{number}/motion", bytes([number]) * (1 + 900 * number)) for number in range(100)]
    publish(mosquitto_broker.port, sent)
    until(lambda: len(payloads(journal)) == 100)
    assert payloads(journal) == [payload for _, payload in sent]
    heard.stop()


def test_a_broker_somebody_else_signed_is_not(tls_port: int, tmp_path: Path) -> None:
    journal = MemoryJournal()
    refused = source(journal, tls_port, certificate(tmp_path, "theirs"))
    until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(refused.status().error))
    refused.stop()
    missing = source(journal, tls_port, tmp_path / "not-there.pem")
    until(lambda: "No such file" in str(missing.status().error))
    missing.stop()
    assert journal.append([]) == 0
