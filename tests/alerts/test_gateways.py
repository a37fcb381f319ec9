"""What each provider has of its own: 알림톡 with an SMS instead, receipts, keys that count, and what it refuses."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels.apprise import Apprise
from alerts.channels.email import Email, MailServer, Security
from alerts.channels.nhn import Nhn, NhnKeys
from alerts.channels.personal import ToPerson
from alerts.channels.phone import Office, is_short
from alerts.channels.push import Push, Vapid, encrypt, from_base64url
from alerts.channels.sens import Sens, SensKeys
from alerts.channels.solapi import Solapi, SolapiKeys
from alerts.channels.wire import Answer, Wire
from alerts.check import NoticeKind
from alerts.contacts import PushAddress
from alerts.delivery import Message, Permanent, Receipt, Sent, Temporary
from alerts.duty.telling import DutyKind
from alerts.letter import ENGLISH, KINDS, SCRIPT, TEMPLATES, Audience, Letter, audience_of, write_letter
from ingest.seal import Sealer
from tests.alerts.alert_parts import HandClock
from tests.alerts.providers import MailHost, NhnServer, SensServer, SolapiServer, WebServer
from tests.alerts.test_channel_contract import (
    OFFICE,
    PHONE,
    OnePerson,
    delivery,
    push_case,
    wire,
)

PLAIN = Office(number="025550000")


def letter(recipient: str = "kim", **changed: Any) -> Letter:
    given = delivery(recipient, **changed)
    return write_letter(given, msgspec.json.decode(given.body, type=Message), name="김하늘")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    made.close()


def nhn(server: NhnServer, office: Office = OFFICE) -> Nhn:
    url = server.url
    keys = NhnKeys(
        talk_app="talk-app", talk_secret="talk-secret", sms_app="sms-app", sms_secret="sms-secret", talk_url=url, sms_url=url
    )
    return Nhn(keys, office, wire())


def sens(server: SensServer, office: Office = OFFICE, *, talk: str | None = "talk-service") -> Sens:
    keys = SensKeys(
        access_key="sens-access", secret_key="sens-secret", sms_service="sms-service", talk_service=talk, url=server.url
    )
    return Sens(keys, office, HandClock(), wire())


def solapi(server: SolapiServer, office: Office = OFFICE) -> Solapi:
    return Solapi(SolapiKeys(api_key="solapi-key", api_secret="solapi-secret", url=server.url), office, HandClock(), wire())


PROVIDERS = [(NhnServer, nhn), (SensServer, sens), (SolapiServer, solapi)]
each_provider = pytest.mark.parametrize(("server", "make"), PROVIDERS, indirect=["server"], ids=["nhn", "sens", "solapi"])


@each_provider
def test_an_audience_without_a_template_is_told_by_sms(server: Any, make: Callable[..., Any]) -> None:
    assert isinstance(make(server).carry(PHONE, letter("resident:hh-1")), Sent)
    (taken,) = server.taken
    assert taken.kind.lower() in ("sms", "lms", "mms")
    assert taken.to == PHONE


@each_provider
def test_a_refused_template_becomes_an_sms_of_the_same_words(server: Any, make: Callable[..., Any]) -> None:
    server.refuse = True
    assert isinstance(make(server).carry(PHONE, letter()), Sent)
    (taken,) = server.taken
    assert taken.kind.lower() in ("sms", "lms", "mms")
    assert taken.text == letter().text


@each_provider
def test_wrong_keys_are_a_permanent_failure(server: Any, make: Callable[..., Any]) -> None:
    server.manners = [(401, {})] * 2
    assert isinstance(make(server).carry(PHONE, letter()), Permanent)


@each_provider
def test_an_answer_that_is_no_json_is_temporary_for_nobody_knows_what_became_of_it(server: Any, make: Callable[..., Any]) -> None:
    server.manners = [(200, {})]
    assert make(server).carry(PHONE, letter()) == Temporary(error="the answer cannot be read")


@each_provider
def test_no_receipt_is_known_while_the_provider_does_not_answer(server: Any, make: Callable[..., Any]) -> None:
    sent = make(server).carry(PHONE, letter())
    assert make(server).receipt(sent.reference) is None
    server.manners = [(500, {})]
    assert make(server).receipt(sent.reference) is None


@pytest.mark.parametrize("server", [NhnServer], indirect=True)
def test_nhn_tells_what_became_of_a_talk_and_of_the_sms_in_its_place(server: NhnServer) -> None:
    gateway = nhn(server)
    sent = gateway.carry(PHONE, letter())
    assert sent == Sent(reference="talk:r1:1")
    path = "/alimtalk/v2.3/appkeys/talk-app/messages/r1/1"
    for state, became in (
        ({"messageStatus": "COMPLETED", "resendStatus": "RSC01"}, Receipt.DELIVERED),
        ({"messageStatus": "FAILED", "resendStatus": "RSC02"}, None),
        ({"messageStatus": "FAILED", "resendStatus": "RSC03"}, None),
        ({"messageStatus": "FAILED", "resendStatus": "RSC04"}, Receipt.DELIVERED),
        ({"messageStatus": "FAILED", "resendStatus": "RSC05"}, Receipt.LOST),
        ({"messageStatus": "FAILED", "resendStatus": "RSC01"}, Receipt.LOST),
        ({"messageStatus": "", "resendStatus": "RSC01"}, None),
    ):
        server.states[path] = state
        assert gateway.receipt("talk:r1:1") is became, state


@pytest.mark.parametrize("server", [NhnServer], indirect=True)
def test_nhn_tells_what_became_of_an_sms(server: NhnServer) -> None:
    gateway = nhn(server, PLAIN)
    sent = gateway.carry(PHONE, letter())
    assert sent == Sent(reference="mms:r2:1")
    for status, became in (("1", None), ("3", Receipt.DELIVERED), ("4", Receipt.LOST)):
        server.states["/sms/v3.0/appKeys/sms-app/sender/mms/r2?recipientSeq=1"] = {"data": {"msgStatus": status}}
        assert gateway.receipt("mms:r2:1") is became
    server.manners = [(500, {})]
    assert gateway.receipt("mms:r2:1") is None


@pytest.mark.parametrize("server", [NhnServer], indirect=True)
def test_nhn_overloaded_is_temporary_and_an_empty_answer_is_none(server: NhnServer) -> None:
    server.overload = -9999
    assert isinstance(nhn(server).carry(PHONE, letter()), Temporary)
    server.overload = -1007
    assert nhn(server).carry(PHONE, letter()) == Permanent(error="refused: -1007")


@pytest.mark.parametrize("server", [SensServer], indirect=True)
def test_sens_tells_what_became_of_a_talk_and_of_the_sms_in_its_place(server: SensServer) -> None:
    gateway = sens(server)
    assert gateway.carry(PHONE, letter()) == Sent(reference="talk:m1")
    path = "/alimtalk/v2/services/talk-service/messages/m1"
    sms = "/sms/v2/services/sms-service/messages?requestId=r9"
    failed: dict[str, Any] = {"messageStatusCode": "3018", "messageStatusName": "fail", "useSmsFailover": True}
    server.states[sms] = {"messages": [{"status": "COMPLETED", "statusName": "success"}]}
    for state, became in (
        ({"messageStatusCode": None, "messageStatusName": "processing"}, None),
        ({"messageStatusCode": "0000", "messageStatusName": "success"}, Receipt.DELIVERED),
        (failed, None),
        ({**failed, "failover": {"requestId": "r9"}}, Receipt.DELIVERED),
        ({**failed, "useSmsFailover": False}, Receipt.LOST),
    ):
        server.states[path] = state
        assert gateway.receipt("talk:m1") is became, state


@pytest.mark.parametrize("server", [SensServer], indirect=True)
def test_sens_without_a_talk_service_sends_sms_and_tells_what_became_of_it(server: SensServer) -> None:
    gateway = sens(server, talk=None)
    assert gateway.carry(PHONE, letter()) == Sent(reference="sms:r2")
    path = "/sms/v2/services/sms-service/messages?requestId=r2"
    for state, became in (
        ({"status": "PROCESSING"}, None),
        ({"status": "COMPLETED", "statusName": "success"}, Receipt.DELIVERED),
        ({"status": "COMPLETED", "statusName": "fail"}, Receipt.LOST),
    ):
        server.states[path] = {"messages": [state]}
        assert gateway.receipt("sms:r2") is became
    server.refuse_sms = True
    assert isinstance(gateway.carry(PHONE, letter()), Permanent)


@pytest.mark.parametrize("server", [SolapiServer], indirect=True)
def test_solapi_tells_what_became_of_a_message(server: SolapiServer) -> None:
    gateway = solapi(server)
    assert gateway.carry(PHONE, letter()) == Sent(reference="M0")
    for code, became in (("2000", None), ("3000", None), ("4000", Receipt.DELIVERED), ("3014", Receipt.LOST)):
        server.states["M0"] = {"messageId": "M0", "statusCode": code}
        assert gateway.receipt("M0") is became


def test_a_text_that_fits_goes_as_sms_and_a_longer_one_as_lms() -> None:
    assert is_short("가" * 45)
    assert not is_short("가" * 46)


# E-mail.


def mail(host: MailHost, **changed: Any) -> Email:
    options: dict[str, Any] = {"security": Security.NONE, "sender": "anbu@example.kr", **changed}
    return Email(MailServer(host="127.0.0.1", port=host.port, **options), HandClock(), timeout_s=2)


def test_a_letter_has_a_korean_subject_text_and_html_and_the_deliverys_number_as_its_own() -> None:
    host = MailHost()
    try:
        assert mail(host).carry("kim@example.kr", letter()) == Sent()
        mail(host).probe()
    finally:
        host.close()
    (found,) = host.mails
    assert found["Subject"] == "[안부] 위험 dong-1 A-2K7"
    assert found["Message-ID"] == f"<{'d' * 32}@example.kr>"
    assert str(found["From"]).endswith("<anbu@example.kr>")
    assert (found["To"], found["Auto-Submitted"], found["Importance"]) == ("kim@example.kr", "auto-generated", "high")
    assert found["Date"].datetime.utcoffset().total_seconds() == 9 * 3_600
    kinds = [part.get_content_type() for part in found.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    page = found.get_body(("html",))
    assert page is not None
    assert 'href="https://anbu.example/checks/c1"' in page.get_content()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {folder}/key -out {folder}/cert -days 2 -subj /CN=127.0.0.1"
    subprocess.run([*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return folder


def test_over_starttls_the_server_is_verified_and_the_log_in_counts(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    host = MailHost(tls=context, authenticates=True)
    as_us = {"security": Security.STARTTLS, "username": "anbu"}
    try:
        trusting = mail(host, **as_us, password="right", ca_file=certificate / "cert")
        assert trusting.carry("kim@example.kr", letter()) == Sent()
        assert host.logins == ["anbu"]
        wrong = mail(host, **as_us, password="wrong", ca_file=certificate / "cert").carry("kim@example.kr", letter())
        assert wrong == Permanent(error="SMTPAuthenticationError: 535")
        unverified = mail(host, **as_us, password="right").carry("kim@example.kr", letter())
        assert unverified == Permanent(error="the mail server cannot be used so: SSLCertVerificationError")
    finally:
        host.close()


def test_a_server_without_the_tls_that_was_asked_for_is_given_nothing() -> None:
    host = MailHost()
    try:
        found = mail(host, security=Security.STARTTLS).carry("kim@example.kr", letter())
        assert found == Permanent(error="the mail server cannot be used so: SMTPNotSupportedError")
        silent = mail(host, security=Security.TLS).carry("kim@example.kr", letter())
        assert isinstance(silent, Temporary)
    finally:
        host.close()
    assert host.mails == []


def test_a_letter_below_danger_is_not_marked_urgent() -> None:
    host = MailHost()
    try:
        mail(host).carry("kim@example.kr", letter(level="caution"))
    finally:
        host.close()
    assert host.mails[0]["Importance"] is None


# Web push.


def test_the_encryption_is_that_of_rfc_8291_appendix_a() -> None:
    private = int.from_bytes(from_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    browser = PushAddress(
        endpoint="https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        auth="BTBZMqHH6r4Tts7J_aSIgg",
    )
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        browser,
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw"),
        key=ec.derive_private_key(private, ec.SECP256R1()),
    )
    assert body == from_base64url(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_every_browser_gets_it_one_that_has_gone_is_forgotten_and_one_that_took_it_is_enough() -> None:
    case = push_case()
    try:
        case.contacts.there.append(case.contacts.there[0])
        case.contacts.there.append('{"endpoint": "https://push.example", "p256dh": "no key", "auth": "x"}')
        case.server.manners = [(410, {})]
        assert isinstance(case.channel.send(delivery()), Sent)
        assert len(case.contacts.there) == 1
        case.server.manners = [(404, {})]
        gone = case.channel.send(delivery(level="caution"))
        assert gone == Permanent(error="status 404", gone=True)
        assert case.contacts.there == []
    finally:
        case.server.close()


def test_the_push_key_is_the_sites_own_and_comes_back_with_its_key() -> None:
    first, again = (Vapid(Sealer(b"k" * 32), "mailto:ops@example.kr").public for _ in range(2))
    assert first == again
    assert first != Vapid(Sealer(b"j" * 32), "mailto:ops@example.kr").public


def test_urgency_follows_the_level() -> None:
    case = push_case()
    try:
        case.channel.send(delivery())
        case.channel.send(delivery(level="caution"))
    finally:
        case.server.close()
    assert [taken.kind for taken in case.taken] == ["high", "normal"]


# Apprise.


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nothing://x", "not an Apprise URL of a service known here"),
        ("json://example.kr/", "the service's URL is not its encrypted one"),
        ("syslog://", "the service's URL is not its encrypted one"),
        ("mailto://kim:pass@example.kr", "the service's URL is not its encrypted one"),
    ],
)
def test_apprise_speaks_encrypted_or_not_at_all(url: str, why: str) -> None:
    assert Apprise().carry(url, letter()) == Permanent(error=why)


def test_apprise_knows_services_that_are_encrypted_always() -> None:
    contacts = OnePerson("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/")
    contacts.there.clear()
    assert isinstance(ToPerson("apprise", contacts, Apprise()).send(delivery()), Permanent)


# What all of them share.


class Endless(WebServer):
    """Answers with more than anybody wants."""

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        return 200, "x" * 100_000


class Late(HandClock):
    """A clock on which every look takes a minute."""

    def monotonic(self) -> float:
        self.machine += 60_000
        return super().monotonic()


def test_an_endless_answer_and_one_that_takes_too_long_are_given_up() -> None:
    server = Endless()
    try:
        assert wire().ask("GET", server.url, headers={}) == Temporary(error="no answer: RemoteProtocolError")
        assert Wire(Late()).ask("GET", server.url, headers={}) == Temporary(error="no answer: ReadTimeout")
        assert isinstance(wire().ask("GET", server.url, headers={}, read=False), Answer)
        closed = wire()
        closed.close()
    finally:
        server.close()


@pytest.mark.parametrize("url", ["http://example.kr/x", "ftp://127.0.0.1/", "https://", "no address", "http://[half/"])
def test_only_https_is_spoken_except_to_this_machine(url: str) -> None:
    assert wire().ask("POST", url, headers={}) == Permanent(error="the address is not https")


def test_an_address_with_a_port_that_is_none_is_permanent() -> None:
    assert wire().ask("POST", "http://127.0.0.1:port/", headers={}) == Permanent(error="the address is not a web address")


def test_each_audience_reads_its_own_and_the_templates_name_what_is_filled_in() -> None:
    assert audience_of("kim") is audience_of("other:hh-1") is Audience.STAFF
    for texts, lang in ((TEMPLATES, "ko"), (ENGLISH, "en")):
        for person, audience in (("kim", Audience.STAFF), ("guardian:hh-1:0", Audience.GUARDIAN), ("resident:hh-1", "resident")):
            given = delivery(person)
            written = write_letter(given, msgspec.json.decode(given.body, type=Message), name="김하늘", lang=lang)
            filled = texts[Audience(audience)]
            for name, value in written.variables.items():
                filled = filled.replace(f"#{{{name}}}", value)
            assert written.text == filled
            assert "#{" not in filled
            assert "김하늘" not in repr(written)


def test_a_digest_names_its_checks_and_an_unknown_kind_still_reads() -> None:
    assert "A-1, A-2 외 3건" in letter(kind="digest", codes=("A-1", "A-2"), more=3).text
    assert "외" not in letter(kind="digest", codes=("A-1",)).text
    assert "알림이 있습니다." in letter(kind="of tomorrow").text
    given = delivery(kind="digest", codes=("A-1",), more=2)
    assert "A-1 and 2 more" in write_letter(given, msgspec.json.decode(given.body, type=Message), lang="en").text


def test_whatever_a_check_tells_staff_has_words_of_its_own() -> None:
    asked = {NoticeKind.ASK_RESIDENT, NoticeKind.ASK_CONTACT}  # of residents and guardians, whose templates say it
    assert (set(NoticeKind) - asked) | set(DutyKind) <= KINDS.keys()
    assert "119" in letter(kind="emergency").text


def test_the_resident_hears_which_keys_to_press() -> None:
    assert "1번" in letter("resident:hh-1").script
    assert letter().script == letter().text


TALK = {"번호": "a1b2c3d4", "수준": "위험", "동": "dong-1", "코드": "A-2K7", "내용": "새 안부확인이 있습니다."}
TALK["주소"] = "https://anbu.example/checks/c1"
LONG = "[안부] 위험 dong-1 A-2K7\n새 안부확인이 있습니다.\nhttps://anbu.example/checks/c1\n번호 a1b2c3d4"


def posted(server: WebServer, gateway: Any, text: str) -> tuple[str, Any]:
    """What is asked of the provider when this is sent."""
    assert isinstance(gateway.carry(PHONE, replace(letter(), text=text)), Sent)
    ((asked,), (body,)) = server.asked, server.bodies
    return asked, json.loads(body)


@pytest.mark.parametrize(("text", "kind"), [(LONG, "LMS"), ("안부", "SMS")])
@pytest.mark.parametrize("server", [NhnServer], indirect=True)
def test_nhn_is_asked_for_a_talk_with_an_sms_in_its_place(server: NhnServer, text: str, kind: str) -> None:
    resend = {"isResend": True, "resendType": kind, "resendTitle": "안부", "resendContent": text, "resendSendNo": "025550000"}
    each = {"recipientNo": PHONE, "templateParameter": TALK, "resendParameter": resend}
    body = {"senderKey": "profile", "templateCode": "staff-1", "recipientList": [each]}
    assert posted(server, nhn(server), text) == ("POST /alimtalk/v2.3/appkeys/talk-app/messages", body)


@pytest.mark.parametrize(("text", "kind", "more"), [(LONG, "mms", {"title": "안부"}), ("안부", "sms", {})])
@pytest.mark.parametrize("server", [NhnServer], indirect=True)
def test_nhn_is_asked_for_an_sms(server: NhnServer, text: str, kind: str, more: dict[str, str]) -> None:
    body = {"body": text, "sendNo": "025550000", "recipientList": [{"recipientNo": PHONE}], **more}
    assert posted(server, nhn(server, PLAIN), text) == (f"POST /sms/v3.0/appKeys/sms-app/sender/{kind}", body)


@pytest.mark.parametrize(("text", "kind"), [(LONG, "LMS"), ("안부", "SMS")])
@pytest.mark.parametrize("server", [SensServer], indirect=True)
def test_sens_is_asked_for_a_talk_with_an_sms_in_its_place(server: SensServer, text: str, kind: str) -> None:
    instead = {"type": kind, "from": "025550000", "subject": "안부", "content": text}
    each = {"to": PHONE, "content": text, "useSmsFailover": True, "failoverConfig": instead}
    body = {"plusFriendId": "profile", "templateCode": "staff-1", "messages": [each]}
    assert posted(server, sens(server), text) == ("POST /alimtalk/v2/services/talk-service/messages", body)


@pytest.mark.parametrize(("text", "kind"), [(LONG, "LMS"), ("안부", "SMS")])
@pytest.mark.parametrize("server", [SensServer], indirect=True)
def test_sens_is_asked_for_an_sms(server: SensServer, text: str, kind: str) -> None:
    body = {"type": kind, "contentType": "COMM", "countryCode": "82", "from": "025550000", "subject": "안부", "content": text}
    body["messages"] = [{"to": PHONE}]  # type: ignore[assignment]
    assert posted(server, sens(server, PLAIN), text) == ("POST /sms/v2/services/sms-service/messages", body)


@pytest.mark.parametrize(("text", "kind"), [(LONG, {"type": "LMS", "subject": "안부"}), ("안부", {"type": "SMS"})])
@pytest.mark.parametrize("server", [SolapiServer], indirect=True)
def test_solapi_is_asked_for_a_talk_or_an_sms(server: SolapiServer, text: str, kind: dict[str, str]) -> None:
    path = "POST /messages/v4/send-many/detail"
    message = {"to": PHONE, "from": "025550000", "text": text, "customFields": {"delivery": "d" * 32}}
    options = {"pfId": "profile", "templateId": "staff-1", "variables": {f"#{{{name}}}": said for name, said in TALK.items()}}
    talk = {**message, "type": "ATA", "kakaoOptions": {**options, "disableSms": False}}
    assert posted(server, solapi(server), text) == (path, {"messages": [talk], "showMessageList": True})
    server.asked.clear()
    server.bodies.clear()
    assert posted(server, solapi(server, PLAIN), text) == (path, {"messages": [{**message, **kind}], "showMessageList": True})


def test_a_subscription_that_cannot_be_read_is_gone_for_good() -> None:
    push = Push(Vapid(Sealer(b"k" * 32), "mailto:ops@example.kr"), HandClock(), wire())
    assert push.carry("{", letter()) == Permanent(error="not a browser's subscription", gone=True)


LETTERS = {
    ("kim", "ko"): (
        LONG,
        "<p>[안부] 위험 dong-1 A-2K7</p><p>새 안부확인이 있습니다.</p><p>번호 a1b2c3d4</p>"
        '<p><a href="https://anbu.example/checks/c1">안부확인 열기</a></p>',
    ),
    ("kim", "en"): (
        "[anbu] danger dong-1 A-2K7\nA new check.\nhttps://anbu.example/checks/c1\nno. a1b2c3d4",
        "<p>[anbu] danger dong-1 A-2K7</p><p>A new check.</p><p>no. a1b2c3d4</p>"
        '<p><a href="https://anbu.example/checks/c1">Open</a></p>',
    ),
    ("guardian:hh-1:0", "ko"): (
        "[안부] 김하늘 님께 안부를 여쭈어 주십시오.\n확인하신 뒤 동 주민센터로 알려 주십시오.\n번호 a1b2c3d4",
        "<p>[안부] 김하늘 님께 안부를 여쭈어 주십시오.</p><p>확인하신 뒤 동 주민센터로 알려 주십시오.</p><p>번호 a1b2c3d4</p>",
    ),
    ("guardian:hh-1:0", "en"): (
        "[anbu] Please look after 김하늘.\nThen tell the dong centre.\nno. a1b2c3d4",
        "<p>[anbu] Please look after 김하늘.</p><p>Then tell the dong centre.</p><p>no. a1b2c3d4</p>",
    ),
    ("resident:hh-1", "ko"): (
        "[안부] 동 주민센터에서 안부를 여쭙습니다.\n곧 다시 연락드리겠습니다.\n번호 a1b2c3d4",
        "<p>[안부] 동 주민센터에서 안부를 여쭙습니다.</p><p>곧 다시 연락드리겠습니다.</p><p>번호 a1b2c3d4</p>",
    ),
    ("resident:hh-1", "en"): (
        "[anbu] The dong centre asks whether you are well.\nWe shall call again soon.\nno. a1b2c3d4",
        "<p>[anbu] The dong centre asks whether you are well.</p><p>We shall call again soon.</p><p>no. a1b2c3d4</p>",
    ),
}


@pytest.mark.parametrize(("recipient", "lang"), list(LETTERS))
def test_each_audience_reads_its_own_letter_as_text_and_as_a_page(recipient: str, lang: str) -> None:
    given = delivery(recipient)
    found = write_letter(given, msgspec.json.decode(given.body, type=Message), name="김하늘", lang=lang)
    text, page = LETTERS[recipient, lang]
    assert (found.text, found.subject) == (text, text.split("\n")[0])
    assert found.html == f'<!doctype html><html lang="{lang}"><body>{page}</body></html>'
    staff = recipient == "kim"
    assert found.link == ("https://anbu.example/checks/c1" if staff else None)
    assert found.script == (SCRIPT[lang] if found.audience is Audience.RESIDENT else text)
    assert (found.id, found.number, found.danger) == ("d" * 32, "a1b2c3d4", True)


def test_a_digest_names_the_first_codes_and_says_how_many_more() -> None:
    def said(lang: str, **changed: Any) -> str:
        given = delivery("kim", kind="digest", level="warning", **changed)
        return write_letter(given, msgspec.json.decode(given.body, type=Message), lang=lang).text.split("\n")[1]

    assert said("ko", codes=("A-1", "A-2"), more=3) == "잠시 모아 둔 알림입니다. A-1, A-2 외 3건"
    assert said("en", codes=("A-1", "A-2"), more=3) == "Messages held back for a while. A-1, A-2 and 3 more"
    assert said("ko", codes=("A-1",)) == "잠시 모아 둔 알림입니다. A-1"
    given = delivery("kim", kind="something new", level="urgent", link="https://anbu.example/?a=1&b=<2>")
    new = write_letter(given, msgspec.json.decode(given.body, type=Message), lang="en")
    assert (new.variables["수준"], new.variables["내용"], new.danger) == ("urgent", "There is news.", False)
    assert '<a href="https://anbu.example/?a=1&amp;b=&lt;2&gt;">' in new.html


@pytest.mark.parametrize(("level", "kind"), [("danger", "failure"), ("warning", "warning")])
@pytest.mark.parametrize("server", [Endless], indirect=True)
def test_apprise_is_told_how_grave_it_is(server: Endless, level: str, kind: str) -> None:
    url = server.url.replace("http://", "json://")
    assert Apprise().carry(url, letter(level=level)) == Sent()
    body = json.loads(server.bodies[0])
    assert (body["type"], body["title"]) == (kind, letter(level=level).subject)


@pytest.mark.parametrize("server", [SolapiServer], indirect=True)
def test_solapi_refusing_both_names_each_code(server: SolapiServer) -> None:
    server.failed = ("1042", "3014")
    assert solapi(server, PLAIN).carry(PHONE, letter()) == Permanent(error="the message is refused: 1042, 3014")
