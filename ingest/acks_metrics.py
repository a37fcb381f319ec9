"""What the acknowledging of devices tells Prometheus; never an id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

SENT = Counter("anbu_acks_sent_total", "Acknowledgements published to devices, repeated ones included.")
CONFIRMED = Counter("anbu_acks_confirmed_total", "Acknowledgements the broker took over.")
WAITING = Gauge("anbu_acks_waiting", "Devices whose newest acknowledgement the broker has not taken over yet.")
CONNECTED = Gauge("anbu_acks_connected", "1 while the acknowledging connection to the broker stands.")
REPEATED = Counter("anbu_acks_repeated_messages_total", "Messages that devices sent again although they had been settled.")
GAPS = Gauge("anbu_gaps_open", "Gaps in the numbers of devices that may still be filled.")
ASKED = Counter("anbu_gaps_asked_total", "Gaps that a device was asked to fill, repeated requests included.")
LOST = Counter("anbu_readings_lost_total", "Numbers written down as lost: missing for 24 h, or given up.")
LATE = Counter("anbu_readings_lost_came_late_total", "Numbers that arrived after they had been written down as lost.")
