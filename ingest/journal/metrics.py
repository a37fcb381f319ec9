"""What the journal and its consumers tell Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

APPENDED = Counter("anbu_journal_appended_total", "Entries made durable.", ["kind"])
HEAD = Gauge("anbu_journal_head_offset", "Offset of the newest entry.")
APPEND_SECONDS = Histogram("anbu_journal_append_seconds", "How long a batch took to become durable.", buckets=_SECONDS)
REFUSED = Counter("anbu_journal_refused_total", "Batches that could not be made durable (no room, I/O error).")

TAKEN = Counter("anbu_consumer_taken_total", "Entries a consumer has taken, replayed ones included.", ["consumer"])
LAG = Gauge("anbu_consumer_lag_entries", "Entries between a consumer and the head of the journal.", ["consumer"])
COMMITTED = Gauge("anbu_consumer_committed_offset", "Offset a consumer would begin after if it were started now.", ["consumer"])
FAILURES = Counter("anbu_consumer_failures_total", "Turns that ended in an exception and went back to the commit.", ["consumer"])
COMMIT_SECONDS = Histogram("anbu_consumer_commit_seconds", "How long state and commit took.", ["consumer"], buckets=_SECONDS)
