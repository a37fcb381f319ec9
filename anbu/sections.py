"""The tables of the settings file: what may be set, and for each setting what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from alerts.private_way import is_private_way
from ingest.rate import BURST, PER_S


class Right(NamedTuple):
    """What would be right for a setting, as the end of a sentence in both languages."""

    korean: str
    english: str


_PORT = Right("1~65535 사이의 정수여야 합니다", "must be an integer from 1 to 65535")
HOST = Right("호스트 이름이나 IP 주소여야 합니다", "must be a host name or an IP address")
FOLDER = Right("폴더 경로여야 합니다", "must be the path of a folder")
FILE = Right("파일 경로여야 합니다", "must be the path of a file")
SWITCH = Right("true 또는 false여야 합니다", "must be true or false")
URL = Right("http:// 또는 https:// 주소여야 합니다", "must be an http:// or https:// address")
PRIVATE_URL = Right(
    "https:// 주소여야 합니다 (이 컴퓨터만 http://)", "must be an https:// address (http:// on this machine alone)"
)
TEXT = Right("글자(따옴표로 묶은 문자열)여야 합니다", "must be a text in quotes")
_RATE = Right("0(제한 없음) 이상의 정수여야 합니다", "must be an integer of 0 (no limit) or more")
_COUNT = Right("1 이상의 정수여야 합니다", "must be an integer of 1 or more")
_SQL = Right("sqlite:///경로 또는 postgresql://... 주소여야 합니다", "must be sqlite:///path or postgresql://...")

Port = Annotated[int, Field(ge=1, le=65535), _PORT]
HOST_PATTERN = r"^[A-Za-z0-9_.:-]{1,253}$"
Host = Annotated[str, Field(pattern=HOST_PATTERN), HOST]


class Section(BaseModel):
    """A table of the settings file: nothing unknown in it, nothing changed after the start."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def private_way(url: SecretStr | None) -> SecretStr | None:
    """The address back; ValueError where what is sent there could be read on the way."""
    if url is not None and not is_private_way(url.get_secret_value()):
        raise ValueError(PRIVATE_URL.english)
    return url


class Site(Section):
    """Whose installation this is."""

    name: Annotated[
        str, Field(min_length=1, max_length=64), Right("1~64자의 이름이어야 합니다", "must be a name of 1 to 64 letters")
    ] = "안부"


class Store(Section):
    """Register, alerts and accounts."""

    url: Annotated[SecretStr | None, _SQL] = None  # None: anbu.sqlite3 in the data folder

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            parsed = make_url(url.get_secret_value())
        except (ArgumentError, ValueError) as error:
            raise ValueError(_SQL.english) from error
        # A store in memory would be empty at every start.
        if parsed.get_backend_name() not in ("sqlite", "postgresql") or parsed.database in (None, "", ":memory:"):
            raise ValueError(_SQL.english)
        return url


class JournalSection(Section):
    """Everything that was ever received."""

    folder: Annotated[Path | None, FOLDER] = None  # None: journal in the data folder
    segment_mib: Annotated[
        int, Field(ge=1, le=4096), Right("1~4096 사이의 정수(MiB)여야 합니다", "must be an integer from 1 to 4096 (MiB)")
    ] = 64
    keep_days: Annotated[
        int,
        Field(ge=0, le=36_500),
        Right("0(모두 보관)~36500 사이의 정수(일)여야 합니다", "must be an integer from 0 (keep everything) to 36500 (days)"),
    ] = 365

    @property
    def segment_bytes(self) -> int:
        """Size at which a segment is closed."""
        return self.segment_mib * 1024 * 1024


class BackupSection(Section):
    """Where `anbu backup` is put by whoever runs it, so that its absence is noticed."""

    folder: Annotated[Path | None, FOLDER] = None  # None: nobody looks
    every_hours: Annotated[
        int, Field(ge=1, le=8_784), Right("1~8784 사이의 정수(시간)여야 합니다", "must be an integer from 1 to 8784 (hours)")
    ] = 26  # a day, and two hours for one that takes long


class HistorySection(Section):
    """Readings for charts: in a file of our own, or in InfluxDB."""

    kind: Annotated[
        Literal["embedded", "influxdb"], Right("embedded 또는 influxdb여야 합니다", "must be embedded or influxdb")
    ] = "embedded"
    file: Annotated[Path | None, FILE] = None  # embedded; None: history.sqlite3 in the data folder
    url: Annotated[str | None, Field(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$"), URL] = None
    token: Annotated[SecretStr | None, TEXT] = None  # for InfluxDB 1.x user:password
    org: Annotated[str, TEXT] = "-"  # 1.x has none
    raw_bucket: Annotated[str, Field(min_length=1), TEXT] = "anbu"  # for 1.x database/policy
    hours_bucket: Annotated[str, Field(min_length=1), TEXT] = "anbu-hours"
    raw_days: Annotated[
        int, Field(ge=1, le=3660), Right("1~3660 사이의 정수(일)여야 합니다", "must be an integer from 1 to 3660 (days)")
    ] = 90
    hours_days: Annotated[
        int, Field(ge=90, le=36600), Right("90~36600 사이의 정수(일)여야 합니다", "must be an integer from 90 to 36600 (days)")
    ] = 1830  # five years


class Ingest(Section):
    """What is read of what devices publish."""

    dialects: Annotated[
        tuple[Literal["native", "senml", "zigbee2mqtt", "tasmota", "esphome", "shelly", "chirpstack", "tts", "sparkplug"], ...],
        Right(
            "native, zigbee2mqtt, tasmota, esphome, shelly, chirpstack, tts, sparkplug의 목록이어야 합니다",
            "must be a list of native, zigbee2mqtt, tasmota, esphome, shelly, chirpstack, tts, sparkplug",
        ),
        Field(min_length=1),
    ] = ("native",)
    dong: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9-]{1,32}$"),
        Right("동의 코드여야 합니다", "must be the code of a dong"),
    ] = None  # told of an alarm of a vendor's device that nobody has enrolled; None: those who see every dong
    rate_per_s: Annotated[int, Field(ge=0, le=100_000), _RATE] = PER_S  # messages a second of one device, on average
    burst: Annotated[int, Field(ge=1, le=1_000_000), _COUNT] = BURST  # and as many at once

    @field_validator("dialects", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Broker(Section):
    """The MQTT broker that devices publish to."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    client_id: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_-]{1,64}$"),
        Right("영문자, 숫자, -, _ 로 된 1~64자여야 합니다", "must be 1 to 64 letters, digits, - or _"),
    ] = "anbu"
    username: Annotated[str | None, TEXT] = None
    password: Annotated[SecretStr | None, TEXT] = None
    # Who acknowledges to devices, on a connection of its own. None: the name above with -acks behind it, its password.
    acks_username: Annotated[str | None, TEXT] = None
    acks_password: Annotated[SecretStr | None, TEXT] = None
    tls: Annotated[bool, SWITCH] = False
    ca_file: Annotated[Path | None, FILE] = None  # with tls: whom to trust; None: the system's authorities
    embedded: Annotated[bool, SWITCH] = False  # start a nats-server of our own on host and port


class Web(Section):
    """Where the staff page is served."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    https: Annotated[bool, SWITCH] = False  # a proxy in front speaks https: cookies are Secure
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$"), URL] = None  # as staff type it


class Keys(Section):
    """Where the key of the sealed personal fields lies: a file (mode 0600), or an environment variable (base64)."""

    file: Annotated[Path | None, FILE] = None  # None: anbu.key beside the settings file
    env: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
        Right("환경 변수의 이름이어야 합니다", "must be the name of an environment variable"),
    ] = None


class Alerts(Section):
    """Where alerts go besides the page."""

    webhook_url: Annotated[SecretStr | None, PRIVATE_URL] = None
    webhook_secret: Annotated[
        SecretStr | None, Field(min_length=16), Right("16자 이상이어야 합니다", "must have 16 characters or more")
    ] = None
    recipients: Annotated[
        tuple[str, ...],
        Right("글자 목록이어야 합니다 (환경 변수에서는 쉼표로 나눔)", "must be a list of texts (comma-separated in a variable)"),
    ] = ()
    people: Annotated[
        tuple[str, ...],
        Right(
            "아이디 목록이어야 합니다 (환경 변수에서는 쉼표로 나눔)", "must be a list of logins (comma-separated in a variable)"
        ),
    ] = ()  # told of every check and of the system itself, whoever has duty, by their own contact points
    report_secret: Annotated[
        SecretStr | None, Field(min_length=16), Right("16자 이상이어야 합니다", "must have 16 characters or more")
    ] = None  # signs what a bot passes on from neighbours; None: neighbours have the form alone
    language: Annotated[Literal["ko", "en"], Right("ko 또는 en이어야 합니다", "must be ko or en")] = "ko"
    ladder: Annotated[Path | None, FILE] = None  # whom checks are brought to, in which order; None: as shipped

    @field_validator("webhook_url")
    @classmethod
    def _web_address(cls, url: SecretStr | None) -> SecretStr | None:
        return private_way(url)

    @field_validator("recipients", "people", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Rules(Section):
    """The table of limits."""

    file: Annotated[Path | None, FILE] = None  # None: rules/default.toml as shipped


class Log(Section):
    """What the process says of itself, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Right("debug, info, warning, error 가운데 하나여야 합니다", "must be debug, info, warning or error"),
    ] = "info"
    format: Annotated[Literal["console", "json"], Right("console 또는 json이어야 합니다", "must be console or json")] = "console"
