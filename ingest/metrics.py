"""What this process counts of the messages it decodes; labels are signals and reasons, never ids.

Counted by the intake stage alone, once for each entry: the other consumers read the same journal.
"""

from __future__ import annotations

from prometheus_client import Counter

MESSAGES = Counter("anbu_messages", "Messages read from the journal.")
READINGS = Counter("anbu_readings", "Readings decoded, by signal.", ["signal"])
DOUBTFUL = Counter(
    "anbu_readings_not_credible", "Readings kept that prove no life: retained, or dated out of bounds.", ["signal"]
)
SKEWED = Counter("anbu_readings_skewed", "Readings whose device was more than 5 minutes ahead.", ["signal"])
REJECTIONS = Counter("anbu_rejections", "Messages or records that could not be taken, by reason.", ["reason"])
NOT_KEPT = Counter("anbu_rejections_not_kept", "Rejections past the hourly bound of a device: counted, not kept for inspection.")
