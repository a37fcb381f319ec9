"""What the source tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CONNECTED = Gauge("anbu_source_connected", "1 while the broker answers us.", ["source"])
CAUGHT_UP = Gauge("anbu_source_caught_up", "1 since our canary came back on this connection.", ["source"])
RECEIVED = Counter("anbu_source_received_total", "Messages handed to us by the broker, repeated ones included.", ["source"])
ACKNOWLEDGED = Counter("anbu_source_acknowledged_total", "Messages acknowledged after their batch was durable.", ["source"])
LEFT_OUT = Counter("anbu_source_left_out_total", "Messages above the rate of their device, which are not journalled.")
CONNECTIONS_ENDED = Counter("anbu_source_connections_ended_total", "Connections that ended or could not be made.", ["source"])
BATCH = Histogram("anbu_source_batch_messages", "Messages per group commit.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
