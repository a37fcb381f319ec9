"""What the process says of itself on standard error: one line an event, in machine time, without personal fields."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ingest.clock import SEOUL, Clock, to_datetime

PERSONAL = frozenset(
    {
        "address",
        "birth_year",
        "body",
        "guardian",
        "guardians",
        "key",
        "note",
        "password",
        "people",
        "phone",
        "recipient",
        "resident",
        "resident_name",
        "secret",
        "text",
        "token",
    }
)
"""Keys that could carry a person or a secret: logging one is a mistake, and this keeps it from being more than that."""

Format = Literal["console", "json"]


def set_up_logs(level: str, style: Format, clock: Clock) -> None:
    """Send what we and the libraries log through one chain to standard error; `level` is debug, info, warning or error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        drop_personal,
        _MachineTime(clock),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers are made when modules are imported, some before this runs.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_ending(style)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "apscheduler", "alembic", "paho"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    # They tell of every request, every job and every statement; that is of use only to who asked for debug.
    for name in ("uvicorn.access", "apscheduler", "alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


def drop_personal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out the keys of `PERSONAL` and name them, so that the line which tried is found."""
    event.pop("color_message", None)  # uvicorn says everything twice, once for a terminal
    dropped = sorted(PERSONAL & event.keys())
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped"] = dropped
    return event


class _MachineTime:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        moment = to_datetime(self._clock.machine_now()).astimezone(SEOUL)
        event["at"] = moment.isoformat(timespec="milliseconds")
        return event


def _ending(style: Format) -> list[Processor]:
    ours = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "json":
        # The traceback as text: a structured one carries local variables, and with them people.
        return [ours, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    colours = sys.stderr.isatty()
    plain = structlog.dev.plain_traceback
    return [ours, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, timestamp_key="at", pad_event_to=36)]
