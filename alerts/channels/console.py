"""The console channel: one line for each delivery, for a site without other channels and for the demo."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alerts.delivery import Delivery, Message, Result, Sent, Temporary

_decoder = msgspec.json.Decoder(Message)


class Console:
    """Writes `notice level=danger kind=opened ...` through `write`, by default to standard output."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _print

    def send(self, delivery: Delivery) -> Result:
        """Write the line; a closed or full terminal is tried again later."""
        said = _decoder.decode(delivery.body)
        line = (
            f"notice level={said.level} kind={said.kind} dong={said.dong} code={said.code} "
            f"link={said.link} at={said.at} to={delivery.recipient} id={said.id}"
        )
        try:
            self._write(line)
        except OSError as error:
            return Temporary(error=f"the console took nothing: {error.strerror}")
        return Sent()


def _print(line: str) -> None:
    print(line, flush=True)
