"""What the rules count and time about themselves."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

FINDINGS = Counter("anbu_rules_findings_total", "Findings handed on.", ("rule", "level", "verb"))
ITEMS = Counter("anbu_rules_items_total", "Readings, rejections and facts folded.", ("kind",))
FOLD_SECONDS = Histogram("anbu_rules_take_seconds", "Machine time to take one batch of journal entries.")
ADVANCE_SECONDS = Histogram("anbu_rules_advance_seconds", "Machine time to evaluate up to the head of the journal.")
HOUSEHOLDS = Gauge("anbu_rules_households", "Households looked after.")
EVALUATED = Gauge("anbu_rules_evaluated_home_seconds", "Home time up to which the rules have been evaluated, seconds UTC.")
SNAPSHOT_BYTES = Gauge("anbu_rules_snapshot_bytes", "Size of the last snapshot of the rules' state.")
SAMPLES_LEFT_OUT = Counter("anbu_rules_samples_left_out_total", "Temperatures and humidities that came too late to be judged.")
MOTIONS_LEFT_OUT = Counter(
    "anbu_rules_motions_left_out_total", "Motions that came too late, or again, to say whether their sensor is stuck."
)
