"""The settings of one installation: a TOML file, over it ANBU_ environment variables, and one report of all that is wrong."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from anbu.channel_sections import (
    NEEDED,
    NEEDED_BY_PROVIDER,
    AppriseSection,
    CallsSection,
    CanarySection,
    EmailSection,
    MessagesSection,
    PushSection,
    WatchdogSection,
)
from anbu.ending import Refusal
from anbu.language import say
from anbu.sections import (
    FOLDER,
    Alerts,
    BackupSection,
    Broker,
    HistorySection,
    Ingest,
    JournalSection,
    Keys,
    Log,
    Right,
    Rules,
    Site,
    Store,
    Web,
)

PREFIX = "ANBU_"
DELIMITER = "__"
CONFIG_VARIABLE = "ANBU_CONFIG"
DEFAULT_FILE = Path("anbu.toml")

Tree: TypeAlias = dict[str, Any]  # as TOML and the environment give it, before it is checked
Leaf: TypeAlias = tuple[str, ...]  # ("broker", "port")

_SQLITE = "sqlite:///"

# Relative paths are meant from where the settings file lies, not from where the command was typed.
_PLACES: tuple[Leaf, ...] = (
    ("data",),
    ("journal", "folder"),
    ("backup", "folder"),
    ("history", "file"),
    ("keys", "file"),
    ("rules", "file"),
    ("alerts", "ladder"),
    ("broker", "ca_file"),
    ("email", "ca_file"),
)


class Problem(NamedTuple):
    """One wrong setting."""

    name: str  # broker.port
    source: str  # the file, or the environment variable
    text: str  # what is there and what would be right; never a secret

    def __str__(self) -> str:
        return f"{self.name} ({self.source}): {self.text}"


class SettingsWrong(Refusal):
    """Settings that cannot be used: one line for each."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Settings(BaseSettings):
    """All settings. Made in code it takes nothing from outside; `load_settings` reads the file and the environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        enable_decoding=False,
    )

    data: Annotated[Path, FOLDER] = Path("data")
    site: Site = Site()
    store: Store = Store()
    journal: JournalSection = JournalSection()
    backup: BackupSection = BackupSection()
    history: HistorySection = HistorySection()
    broker: Broker = Broker()
    ingest: Ingest = Ingest()
    web: Web = Web()
    keys: Keys = Keys()
    alerts: Alerts = Alerts()
    email: EmailSection = EmailSection()
    push: PushSection = PushSection()
    apprise: AppriseSection = AppriseSection()
    messages: MessagesSection = MessagesSection()
    calls: CallsSection = CallsSection()
    canary: CanarySection = CanarySection()
    watchdog: WatchdogSection = WatchdogSection()
    rules: Rules = Rules()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class calls it by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - see above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - see above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - see above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the caller gives: a demo must not inherit a site's environment."""
        return (init_settings,)

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the relational store; it may hold a password."""
        return self.store.url.get_secret_value() if self.store.url else f"sqlite:///{self.data / 'anbu.sqlite3'}"

    @property
    def journal_folder(self) -> Path:
        """Where the journal's segments lie."""
        return self.journal.folder or self.data / "journal"

    @property
    def cursors_file(self) -> Path:
        """Where consumers keep how far they have read in the journal."""
        return self.data / "cursors.sqlite3"

    @property
    def broker_folder(self) -> Path:
        """What a Mosquitto of the site's own reads: accounts, topics, certificates."""
        return self.data / "broker-site"

    @property
    def history_file(self) -> Path:
        """Where the embedded history keeps its readings."""
        return self.history.file or self.data / "history.sqlite3"

    @property
    def key_source(self) -> Path | str:
        """What `ingest.seal.load_key` takes: the name of a variable, or a file."""
        return self.keys.env or self.keys.file or self.data / "anbu.key"

    @property
    def base_url(self) -> str:
        """The page's address as staff reach it, without a slash at its end."""
        own = f"{'https' if self.web.https else 'http'}://{self.web.host}:{self.web.port}"
        return (self.web.base_url or own).rstrip("/")


def load_settings(path: Path | None = None) -> Settings:
    """The settings of this file (or ANBU_CONFIG, or ./anbu.toml) and the environment; SettingsWrong names all that is wrong.

    Without a file that was asked for by name, the environment alone will do.
    """
    asked = _asked(path)
    file = settings_file(path)
    written, problems = _read_file(file, needed=asked is not None or not _has_variables())
    if problems and not written:
        raise SettingsWrong(problems)
    spoken: Tree = EnvSettingsSource(Settings)()
    tree = _laid_over(written, spoken)
    problems += _unknown_variables()
    problems += _both_keys(tree, file)
    problems += _half_a_channel(tree, file)
    problems += _half_an_influxdb(tree, file)
    try:
        settings = Settings(**_placed(tree, file.parent))
    except ValidationError as error:
        problems += [_problem(details, spoken, file) for details in error.errors(include_url=False, include_context=False)]
    if problems:
        raise SettingsWrong(sorted(problems))
    return settings


def settings_file(path: Path | None = None) -> Path:
    """Which file `load_settings` reads; it may not be there."""
    return (_asked(path) or DEFAULT_FILE).expanduser().absolute()


def _asked(path: Path | None) -> Path | None:
    return path or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)


def _read_file(file: Path, *, needed: bool) -> tuple[Tree, list[Problem]]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream), []
    except FileNotFoundError:
        missing = say("이 파일이 없습니다 → anbu init 으로 만드십시오", "there is no such file; make one with anbu init")
        return {}, [Problem("--config", str(file), missing)] if needed else []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # tomllib's text holds line and column, never a value.
        return {}, [Problem(file.name, str(file), say(f"TOML 문법이 틀렸습니다: {error}", f"is not TOML: {error}"))]
    except OSError as error:
        return {}, [
            Problem("--config", str(file), say(f"읽을 수 없습니다: {error.strerror}", f"cannot be read: {error.strerror}"))
        ]


def _laid_over(below: Tree, above: Tree) -> Tree:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        merged[name] = _laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _placed(tree: Tree, base: Path) -> Tree:
    """The tree with relative paths made absolute, and with the defaults that depend on where the file lies."""
    placed = _laid_over({"data": "data", "keys": {} if _held(tree, ("keys", "env")) else {"file": "anbu.key"}}, tree)
    for leaf in _PLACES:
        value = _held(placed, leaf)
        if isinstance(value, str) and value:
            placed = _laid_over(placed, _branch(leaf, str(base / Path(value).expanduser())))
    url = _held(placed, ("store", "url"))
    if isinstance(url, str) and url.startswith(_SQLITE) and url not in (_SQLITE, _SQLITE + ":memory:"):
        placed = _laid_over(placed, {"store": {"url": _SQLITE + str(base / url.removeprefix(_SQLITE))}})
    return placed


def _branch(leaf: Leaf, value: str) -> Tree:
    return {leaf[0]: value if len(leaf) == 1 else _branch(leaf[1:], value)}


def _held(tree: object, leaf: Leaf) -> object:
    for name in leaf:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def _has_variables() -> bool:
    return any(_is_ours(variable) for variable in os.environ)


def _is_ours(variable: str) -> bool:
    # Without the delimiter it may be anybody's: a cluster sets ANBU_SERVICE_HOST for a service called anbu.
    return variable.upper().startswith(PREFIX) and DELIMITER in variable


def _unknown_variables() -> Iterator[Problem]:
    """Variables whose first part is no section; a wrong second part is found where the sections are checked."""
    for variable in filter(_is_ours, os.environ):
        section, *rest = variable.upper().removeprefix(PREFIX).lower().split(DELIMITER)
        if section not in Settings.model_fields:
            yield Problem(".".join([section, *rest]), variable, _unknown((section, *rest)))


def _both_keys(tree: Tree, file: Path) -> Iterator[Problem]:
    if _held(tree, ("keys", "env")) and _held(tree, ("keys", "file")):
        text = say("keys.env와 함께 쓸 수 없습니다 → 둘 중 하나만 두십시오", "stands beside keys.env; keep one of the two")
        yield Problem("keys.file", file.name, text)


def _half_a_channel(tree: Tree, file: Path) -> Iterator[Problem]:
    for (table, name), others in NEEDED.items():
        if _held(tree, (table, name)) not in (None, False, "false"):
            yield from _missing(tree, file, table, others, f"{table}.{name}")
    provider = _held(tree, ("messages", "provider"))
    if isinstance(provider, str):
        yield from _missing(tree, file, "messages", NEEDED_BY_PROVIDER.get(provider, ()), f"messages.provider = {provider}")


def _missing(tree: Tree, file: Path, table: str, names: tuple[str, ...], needed_by: str) -> Iterator[Problem]:
    for name in names:
        if not _held(tree, (table, name)):
            yield Problem(f"{table}.{name}", file.name, say(f"{needed_by} 에 필요합니다", f"is missing: {needed_by} needs it"))


def _half_an_influxdb(tree: Tree, file: Path) -> Iterator[Problem]:
    if _held(tree, ("history", "kind")) == "influxdb":
        text = say("history.kind = influxdb 에 필요합니다", "is missing: history.kind = influxdb needs it")
        missing = [name for name in ("url", "token") if not _held(tree, ("history", name))]
        yield from (Problem(f"history.{name}", file.name, text) for name in missing)


def _problem(details: ErrorDetails, spoken: Tree, file: Path) -> Problem:
    # A place inside a list (alerts.recipients.0) is reported as the list's.
    leaf = tuple(part for part in details["loc"] if isinstance(part, str))
    variable = PREFIX + DELIMITER.join(leaf).upper()
    source = variable if _held(spoken, leaf) is not None else file.name
    if details["type"] == "extra_forbidden":
        return Problem(".".join(leaf), source, _unknown(leaf))
    field = field_at(leaf)
    shown = "***" if field is not None and "SecretStr" in str(field.annotation) else repr(details["input"])
    if len(shown) > 60:
        shown = shown[:57] + "..."
    right = _right(leaf)
    return Problem(".".join(leaf), source, f"{shown} → {say(right.korean, right.english)}")


def _unknown(leaf: Leaf) -> str:
    names = [".".join(known) for known in leaves(Settings)]
    near = get_close_matches(".".join(leaf), names, n=1, cutoff=0.75)
    if near:
        return say(f"모르는 설정입니다 → {near[0]} 아닙니까?", f"is no setting; did you mean {near[0]}?")
    return say("모르는 설정입니다 → 지우십시오", "is no setting; remove it")


def leaves(model: type[BaseModel], above: Leaf = ()) -> Iterator[Leaf]:
    """The paths of all settings of the model, its tables included."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, (*above, name))


def field_at(leaf: Leaf) -> FieldInfo | None:
    """What is declared at this path; None where there is no such setting."""
    model: type[BaseModel] = Settings
    for name in leaf[:-1]:
        kind = model.model_fields[name].annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        model = kind
    return model.model_fields.get(leaf[-1])


def _right(leaf: Leaf) -> Right:
    field = field_at(leaf)
    notes = [] if field is None else [note for note in field.metadata if isinstance(note, Right)]
    return notes[0] if notes else Right("설정의 묶음([표])이어야 합니다", "must be a [table] of settings")
