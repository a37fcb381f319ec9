"""How we talk to InfluxDB: synchronous gzipped writes that end in an answer we understand, bad lines found one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.dialect import Dialect
from influxdb_client.rest import ApiException
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from ingest.clock import HOUR, SECOND, Clock, Millis, to_millis
from ingest.history import flux
from ingest.history.port import HistoryStopped, HistoryUnavailable

log = structlog.get_logger(__name__)

_NS: Any = "ns"  # the client's own constants are texts as well, whatever its types say

LINES = 5_000
"""Lines in one request, at most."""

CULPRITS = 500
"""Lines of one write that may be refused by themselves. Where it is more the fault is hardly theirs: we stop."""

STOPPED_S = 600.0
"""Machine seconds until a server that refused our key or bucket is asked again."""

LONGEST_S = 3_600.0
"""Machine seconds we wait at most because a server asks: whoever has a wrong clock before it must not stop us for years."""

QUIET: Millis = 10 * SECOND
"""Machine time for which nobody reads from a server that did not answer: a page must not wait for it again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where InfluxDB is and what it takes to be let in; 1.x takes `user:password` as token, any org, and db/rp as bucket."""

    url: str
    token: str
    org: str = "-"
    raw_bucket: str = "anbu"
    hours_bucket: str = "anbu-hours"

    def __repr__(self) -> str:
        return f"Address({self.url}, org={self.org}, {self.raw_bucket}, {self.hours_bucket})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """A line that InfluxDB will not keep, and why."""

    number: int  # its place in what was written
    line: str
    why: str


class InfluxWire:
    """One server, two buckets. Safe to use from several threads; every failure is a HistoryUnavailable that says what is wrong.

    `write_timeout_s` and `read_timeout_s` bound one request, in machine seconds.
    """

    def __init__(self, address: Address, clock: Clock, *, write_timeout_s: float = 20.0, read_timeout_s: float = 5.0) -> None:
        self._address, self._clock = address, clock
        self._quiet_until: Millis | None = None
        self._with_names = True  # extern parameters, until the server shows that it takes none

        def client(timeout_s: float) -> InfluxDBClient:
            # urllib3 must not try again by itself: only the cursor knows what is written.
            return InfluxDBClient(
                url=address.url,
                token=address.token,
                org=address.org,
                timeout=int(timeout_s * 1_000),
                enable_gzip=True,
                retries=Retry(0, redirect=False, respect_retry_after_header=False),
            )

        self._writer, self._reader = client(write_timeout_s), client(read_timeout_s)
        self._write_api = self._writer.write_api(write_options=SYNCHRONOUS)
        self._query_api = self._reader.query_api()

    def write(self, bucket: str, lines: Sequence[str]) -> list[Culprit]:
        """Store these lines; those it refuses by themselves come back. Raises HistoryUnavailable, HistoryStopped."""
        culprits: list[Culprit] = []
        stretches = [(start, min(start + LINES, len(lines))) for start in range(0, len(lines), LINES)][::-1]
        while stretches:
            start, end = stretches.pop()
            refused = self._post(bucket, lines[start:end])
            if refused is None:
                continue
            if end - start > 1:
                middle = (start + end) // 2
                stretches += [(middle, end), (start, middle)]
                continue
            culprits.append(Culprit(number=start, line=lines[start], why=refused))
            if len(culprits) > CULPRITS:
                raise HistoryStopped(f"InfluxDB refuses more than {CULPRITS} points one by one: {refused}", after_s=STOPPED_S)
        if culprits and (why := self._post(bucket, [self._probe()])):
            raise HistoryUnavailable(f"InfluxDB refuses a point that is good: {why}")
        return culprits

    def _probe(self) -> str:
        """A point nobody can find fault with: who refuses it refuses everything, and the others are not to blame."""
        return f"anbu_probe value=1.0 {self._clock.home_now() // HOUR * HOUR * 1_000_000}"

    def ask(self, question: str, asked: Mapping[str, flux.Value]) -> list[dict[str, str]]:
        """The rows of an answer. Raises HistoryUnavailable, at once while the server is not answering."""
        if self._quiet_until is not None and self._clock.machine_now() < self._quiet_until:
            raise HistoryUnavailable("InfluxDB did not answer a moment ago")
        try:
            found = self._answered(question, asked)
        except ApiException as error:
            raise self._in_words(error) from error
        except (HTTPError, OSError) as error:
            self._quiet_until = self._clock.machine_now() + QUIET
            raise HistoryUnavailable(f"InfluxDB does not answer: {_short(error)}") from error
        self._quiet_until = None
        return found

    def look(self, bucket: str) -> None:
        """See that the server lets us ask about this bucket. Raises HistoryUnavailable, HistoryStopped."""
        now = self._clock.home_now()
        asked: dict[str, flux.Value] = {"bucket": bucket, "start": flux.instant(now - SECOND), "stop": flux.instant(now)}
        self.ask("from(bucket: {bucket}) |> range(start: {start}, stop: {stop}) |> limit(n: 1)", asked)

    def close(self) -> None:
        """Give up all connections."""
        self._write_api.close()
        self._writer.close()
        self._reader.close()

    def _answered(self, question: str, asked: Mapping[str, flux.Value]) -> list[dict[str, str]]:
        if self._with_names:
            try:
                return self._rows(flux.with_names(question), flux.names(asked))
            except ApiException as error:
                if "undefined identifier" not in _said(error):
                    raise
                log.info("InfluxDB takes no query parameters, literals stand in", url=self._address.url)
                self._with_names = False
        return self._rows(flux.with_literals(question, asked), {})

    def _rows(self, text: str, extern: dict[str, flux.Value]) -> list[dict[str, str]]:
        response = self._query_api.query_raw(text, dialect=Dialect(header=True, annotations=[]), params=extern)
        found = list(flux.rows(response.data.decode().splitlines()))
        # A failure after the first bytes were sent comes as a table of its own.
        for row in found:
            if row.get("error"):
                raise ApiException(status=400, reason=row["error"])
        return found

    def _post(self, bucket: str, lines: Sequence[str]) -> str | None:
        """None once stored; why not, where the lines are to blame."""
        try:
            self._write_api.write(bucket=bucket, record="\n".join(lines).encode(), write_precision=_NS)
        except ApiException as error:
            if error.status in (400, 413, 422):
                return f"{error.status} {_said(error)}"
            raise self._in_words(error) from error
        except (HTTPError, OSError) as error:
            raise HistoryUnavailable(f"InfluxDB does not answer: {_short(error)}") from error
        return None

    def _in_words(self, error: ApiException) -> HistoryUnavailable:
        match error.status:
            case 401 | 403:
                return HistoryStopped(
                    f"InfluxDB refuses our token ({error.status}): set history.token, nothing is lost meanwhile",
                    after_s=STOPPED_S,
                )
            case 404:
                buckets = f"{self._address.raw_bucket}, {self._address.hours_bucket}, org {self._address.org}"
                return HistoryStopped(
                    f"InfluxDB knows no such bucket or org (404: {buckets}): make it or set it, nothing is lost meanwhile",
                    after_s=STOPPED_S,
                )
            case _:
                after_s = self._retry_after(error.headers)
                return HistoryUnavailable(f"InfluxDB answers {error.status} {_said(error)}", after_s=after_s)

    def _retry_after(self, headers: Any) -> float | None:
        """Seconds that a Retry-After asks for, in either of its two forms, up to LONGEST_S."""
        asked = headers.get("Retry-After") if headers else None
        if not asked:
            return None
        if asked.isdecimal():
            return min(float(asked), LONGEST_S)
        try:
            until = parsedate_to_datetime(asked)
        except ValueError:
            log.warning("a Retry-After that says nothing", said=str(asked)[:60])
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((to_millis(until) - self._clock.machine_now()) / 1_000, 0.0), LONGEST_S)


def _said(error: ApiException) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or error.reason or "")
    return " ".join(body.split())[:200]


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
