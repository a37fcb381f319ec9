"""Which channels the settings give a site, each over its carrier; and whether what they name would answer."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from pydantic import SecretStr

from alerts.channels.apprise import Apprise
from alerts.channels.caller import CallBridge, HttpCaller
from alerts.channels.console import Console
from alerts.channels.email import Email, MailServer, Security
from alerts.channels.nhn import Nhn, NhnKeys
from alerts.channels.personal import MessageGateway, ToPerson, hook_of
from alerts.channels.phone import Office
from alerts.channels.push import Push, Vapid
from alerts.channels.sens import GOVERNMENT, PUBLIC, Sens, SensKeys
from alerts.channels.solapi import Solapi, SolapiKeys
from alerts.channels.webhook import Endpoint, Webhook
from alerts.channels.wire import Wire
from alerts.contacts import ContactBook
from alerts.delivery import Channel
from alerts.letter import Audience
from alerts.policy import Route
from alerts.receipts import Asking
from anbu.channel_sections import EmailSection, MessagesSection
from anbu.ending import Refusal
from anbu.language import say
from anbu.settings import Settings
from ingest.clock import Clock
from ingest.seal import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels of a site."""

    by_name: Mapping[str, Channel]
    people: tuple[str, ...]  # those that reach persons
    asking: Mapping[str, Asking] = field(default_factory=dict)  # those whose provider knows what became of a message
    push_key: str | None = None  # what a page subscribes with; None: no web push


def open_channels(settings: Settings, contacts: ContactBook, sealer: Sealer, clock: Clock, stack: ExitStack) -> Channels:
    """What the settings name; the connections are given up with the stack."""
    wire = Wire(clock)
    stack.callback(wire.close)
    static = _static_hooks(settings)
    channels: dict[str, Channel] = {"console": Console()}
    channels["webhook"] = Webhook(lambda name: static.get(name) or hook_of(contacts, name), clock, wire)
    asking: dict[str, Asking] = {}
    vapid = Vapid(sealer, settings.push.subject) if settings.push.subject else None

    def to_person(name: str, carrier: Push | Email | Apprise | MessageGateway | HttpCaller) -> None:
        channels[name] = ToPerson(name, contacts, carrier, lang=settings.alerts.language)

    if vapid is not None:
        to_person("push", Push(vapid, clock, wire))
    if settings.messages.provider is not None:
        gateway = _gateway(settings.messages, clock, wire)
        to_person("message", gateway)
        asking["message"] = gateway
    if settings.email.host:
        to_person("email", Email(_mail_server(settings.email), clock))
    if settings.apprise.on:
        to_person("apprise", Apprise())
    if settings.calls.url:
        secret = settings.calls.secret.get_secret_value().encode() if settings.calls.secret else b""
        bridge = CallBridge(url=settings.calls.url.get_secret_value(), secret=secret, base_url=settings.base_url)
        to_person("call", HttpCaller(bridge, clock, wire))
    people = tuple(name for name in channels if name != "console")
    return Channels(by_name=channels, people=people, asking=asking, push_key=vapid.public if vapid else None)


def routes_of(settings: Settings) -> tuple[Route, ...]:
    """Everything goes to the console, to each recipient's webhook where there is one, and to the people named."""
    routes = [Route(channel="console", recipient="console")]
    if settings.alerts.webhook_url:
        routes += [Route(channel="webhook", recipient=name) for name in _recipients(settings)]
    routes += [Route(channel=None, recipient=login) for login in settings.alerts.people]
    return tuple(routes)


def look_at_channels(settings: Settings, clock: Clock) -> str:
    """The names of the channels that are set up; Refusal where the mail server does not take our log-in."""
    if settings.email.host:
        _look_at_mail(_mail_server(settings.email), clock)
    names = ["console"]
    if settings.alerts.webhook_url:
        names.append("webhook")
    names += [name for name, there in _switched_on(settings).items() if there]
    if settings.messages.provider and not settings.messages.profile:
        names.append(say("(알림톡 없이 SMS만)", "(SMS alone, no 알림톡)"))
    return ", ".join(names)


def _switched_on(settings: Settings) -> dict[str, bool]:
    return {
        "push": settings.push.subject is not None,
        f"message({settings.messages.provider})": settings.messages.provider is not None,
        "email": settings.email.host is not None,
        "apprise": settings.apprise.on,
        "call": settings.calls.url is not None,
    }


def _look_at_mail(server: MailServer, clock: Clock) -> None:
    try:
        Email(server, clock).probe()
    except (smtplib.SMTPException, OSError) as error:
        raise Refusal(
            say(
                f"메일 서버 {server.host}:{server.port} 에 접속할 수 없습니다: {type(error).__name__}",
                f"the mail server {server.host}:{server.port} cannot be used: {type(error).__name__}",
            ),
            say(
                "[email] 의 host, port, security, username, password 를 보십시오",
                "see host, port, security, username and password in [email]",
            ),
        ) from error


def _static_hooks(settings: Settings) -> dict[str, Endpoint]:
    url, secret = settings.alerts.webhook_url, settings.alerts.webhook_secret
    if url is None:
        return {}
    endpoint = Endpoint(url=url.get_secret_value(), secret=secret.get_secret_value().encode() if secret else b"")
    return dict.fromkeys(_recipients(settings), endpoint)


def _recipients(settings: Settings) -> tuple[str, ...]:
    return settings.alerts.recipients or ("duty",)


def _mail_server(section: EmailSection) -> MailServer:
    return MailServer(
        host=section.host or "",
        port=section.port,
        security=Security(section.security),
        sender=section.sender or "",
        username=section.username,
        password=section.password.get_secret_value() if section.password else None,
        ca_file=section.ca_file,
    )


def _gateway(section: MessagesSection, clock: Clock, wire: Wire) -> MessageGateway:
    office = _office(section)
    key, secret = _plain(section.key), _plain(section.secret)
    if section.provider == "nhn":
        return Nhn(_nhn_keys(section, key, secret), office, wire)
    if section.provider == "sens":
        sens = SensKeys(
            access_key=key,
            secret_key=secret,
            sms_service=section.sms_service or "",
            talk_service=section.talk_service,
            url=_plain(section.url) or (GOVERNMENT if section.government else PUBLIC),
        )
        return Sens(sens, office, clock, wire)
    own = {"url": section.url.get_secret_value()} if section.url else {}
    return Solapi(SolapiKeys(api_key=key, api_secret=secret, **own), office, clock, wire)


def _nhn_keys(section: MessagesSection, key: str, secret: str) -> NhnKeys:
    own = {"talk_url": section.url, "sms_url": section.sms_url}
    urls = {name: url.get_secret_value() for name, url in own.items() if url is not None}
    return NhnKeys(
        talk_app=key, talk_secret=secret, sms_app=_plain(section.sms_key), sms_secret=_plain(section.sms_secret), **urls
    )


def _office(section: MessagesSection) -> Office:
    codes = {
        Audience.STAFF: section.template_staff,
        Audience.GUARDIAN: section.template_guardian,
        Audience.RESIDENT: section.template_resident,
    }
    templates = {audience: code for audience, code in codes.items() if code}
    return Office(number=section.number or "", profile=section.profile, templates=templates)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
