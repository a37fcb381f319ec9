"""What the web side counts; no label ever names a person, a household or a login."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

STREAMS = Gauge("anbu_live_streams", "Live streams open now")
LOGINS = Counter("anbu_logins_total", "Log-ins tried, by how they ended", ["outcome"])
OUT_OF_DONG = Counter("anbu_not_found_total", "Requests for something that is not there, or is another dong's")
