"""Proves that a table put in force reaches a whole site at its place in the journal, and outlives a restart with another file."""

from __future__ import annotations

from pathlib import Path

from anbu.settings import load_settings
from ingest.clock import HOUR, MINUTE
from rules.finding import RuleKey
from rules.seen import HomeSeen
from rules.table import load_table, read_table
from tests.path.kept_site import KeptSite, new_site

SHORTER = read_table(load_table(None).text.replace('caution = "8 h"', 'caution = "7 h"').replace("default-1", "summer-2"))


def caution(seen: HomeSeen) -> float:
    """The motion limit of the first level in hours."""
    return next(one.levels[0].limit for one in seen.rules if one.rule is RuleKey.MOTION) / HOUR


def test_a_table_is_in_force_from_its_place_in_the_journal_on_and_after_a_restart(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site", None)
    for _ in range(6):
        site.step()
    before = site.clock.home_now()
    site.site.rulebook.apply(SHORTER, actor="gu", reason="여름")
    for _ in range(6):
        site.step()
    after = site.clock.home_now()
    assert site.site.look_back("hh-0", before - 10 * MINUTE).rule_version == load_table(None).version
    assert (site.site.look_back("hh-0", after).rule_version, caution(site.site.look_back("hh-0", after))) == (
        SHORTER.version,
        7.0,
    )
    site.site.rulebook.set_limit("hh-0", "motion", 1, 5.0 * HOUR, actor="gu", reason="퇴원 직후")
    site.step()
    state = site.rules_state()
    site.close()

    again = KeptSite(load_settings(tmp_path / "site" / "anbu.toml"), at=site.clock.home_now())
    assert again.site.rulebook.in_force() == SHORTER and again.rules_state() == state
    for _ in range(4):
        again.step()
    seen = again.site.look_back("hh-0", again.clock.home_now())
    assert (seen.rule_version, caution(seen), seen.own_limits) == (SHORTER.version, 5.0, True)
    assert caution(again.site.look_back("hh-1", again.clock.home_now())) == 7.0
    assert [one.kind for one in again.site.rulebook.changes()] == ["limit", "table", "table"]
    again.close()
