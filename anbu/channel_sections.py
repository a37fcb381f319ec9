"""The tables of the settings file about reaching people, and about proving that they are reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from anbu.sections import FILE, HOST, HOST_PATTERN, PRIVATE_URL, SWITCH, TEXT, Port, Right, Section, private_way

_ADDRESS = Right("이메일 주소여야 합니다", "must be an e-mail address")
_SECRET = Right("16자 이상이어야 합니다", "must have 16 characters or more")
_NUMBER = Right("발신 번호의 숫자여야 합니다 (예: 025550000)", "must be the sender's number in digits, such as 025550000")


class EmailSection(Section):
    """The mail server that takes our letters. Off without a host."""

    host: Annotated[str | None, Field(pattern=HOST_PATTERN), HOST] = None
    port: Port = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Right("starttls, tls, none 가운데 하나여야 합니다", "must be starttls, tls or none"),
    ] = "starttls"
    sender: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s]+$"), _ADDRESS] = None
    username: Annotated[str | None, TEXT] = None
    password: Annotated[SecretStr | None, TEXT] = None
    ca_file: Annotated[Path | None, FILE] = None  # None: the system's authorities


class PushSection(Section):
    """Web push to browsers that staff allow it on. Off without a subject."""

    subject: Annotated[
        str | None,
        Field(pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)$"),
        Right("mailto:주소 또는 https:// 주소여야 합니다", "must be mailto:address or an https:// address"),
    ] = None  # how a push service reaches the operator


class AppriseSection(Section):
    """Whatever service Apprise knows, by the URL a person has."""

    on: Annotated[bool, SWITCH] = False


class MessagesSection(Section):
    """The provider of 알림톡 and SMS. Off without one."""

    provider: Annotated[
        Literal["nhn", "sens", "solapi"] | None, Right("nhn, sens, solapi 가운데 하나여야 합니다", "must be nhn, sens or solapi")
    ] = None
    number: Annotated[str | None, Field(pattern=r"^[0-9]{8,11}$"), _NUMBER] = None
    profile: Annotated[str | None, TEXT] = None  # of the KakaoTalk channel; None: SMS alone
    template_staff: Annotated[str | None, TEXT] = None  # codes of the templates in docs/channels.md
    template_guardian: Annotated[str | None, TEXT] = None
    template_resident: Annotated[str | None, TEXT] = None
    key: Annotated[SecretStr | None, TEXT] = None  # nhn: app key of Bizmessage; sens: access key; solapi: API key
    secret: Annotated[SecretStr | None, TEXT] = None
    sms_key: Annotated[SecretStr | None, TEXT] = None  # nhn: app key of SMS
    sms_secret: Annotated[SecretStr | None, TEXT] = None
    sms_service: Annotated[str | None, Field(pattern=r"^\S+$"), TEXT] = None  # sens
    talk_service: Annotated[str | None, Field(pattern=r"^\S+$"), TEXT] = None  # sens
    government: Annotated[bool, SWITCH] = False  # sens: on the government cloud
    url: Annotated[SecretStr | None, PRIVATE_URL] = None  # None: the provider's own
    sms_url: Annotated[SecretStr | None, PRIVATE_URL] = None  # nhn

    @field_validator("url", "sms_url")
    @classmethod
    def _private(cls, url: SecretStr | None) -> SecretStr | None:
        return private_way(url)


class CallsSection(Section):
    """The bridge that makes automatic calls. Off without a URL."""

    url: Annotated[SecretStr | None, PRIVATE_URL] = None
    secret: Annotated[SecretStr | None, Field(min_length=16), _SECRET] = None

    @field_validator("url")
    @classmethod
    def _private(cls, url: SecretStr | None) -> SecretStr | None:
        return private_way(url)


class CanarySection(Section):
    """The synthetic alarm of each dong that proves the path, through the broker as a device of its own."""

    on: Annotated[bool, SWITCH] = False
    username: Annotated[str | None, TEXT] = None  # of an account that may publish for canary devices alone
    password: Annotated[SecretStr | None, TEXT] = None


class WatchdogSection(Section):
    """A dead man's switch elsewhere, which cries when we no longer ping it."""

    ping_url: Annotated[SecretStr | None, PRIVATE_URL] = None

    @field_validator("ping_url")
    @classmethod
    def _private(cls, url: SecretStr | None) -> SecretStr | None:
        return private_way(url)


NEEDED: dict[tuple[str, str], tuple[str, ...]] = {
    ("alerts", "webhook_url"): ("webhook_secret",),
    ("email", "host"): ("sender",),
    ("calls", "url"): ("secret",),
    ("canary", "on"): ("username", "password"),
}
"""What a setting needs beside it in its table."""

NEEDED_BY_PROVIDER: dict[str, tuple[str, ...]] = {
    "nhn": ("number", "key", "secret", "sms_key", "sms_secret"),
    "sens": ("number", "key", "secret", "sms_service"),
    "solapi": ("number", "key", "secret"),
}
