"""What of duty a page has to show because it touches what is on it: silences, outages, floods, nobody on duty."""

from __future__ import annotations

from alerts.duty.gaps import NO_ROSTER
from alerts.duty.silence import touching
from dashboard_api.access import Viewer
from dashboard_api.services import Services
from dashboard_api.words import say
from rules.finding import RuleKey
from rules.sentence import RULE_WORDS


def notes_of(services: Services, viewer: Viewer, *, household: str | None = None) -> list[tuple[str, str]]:
    """Each as its text and the page it leads to; of a home's own page only what touches that home."""
    duty, now = services.duty, services.clock.home_now()
    dongs: dict[str, str] = {dong.code: dong.name for dong in services.register.dongs()}
    devices = [] if household is None else [str(each.id) for each in services.register.devices(household=household)]
    silences = touching(duty.silences.now(dong=viewer.dong), now, household=household, devices=devices, dong=viewer.dong)
    found = []
    for one in silences[:_MOST]:
        target = dongs.get(one.target, one.target)
        if one.kind == "rule":
            target = RULE_WORDS[viewer.lang.value][RuleKey(one.target)]
        key = f"silence_kind.{one.kind}"
        text = say(viewer.lang, "notes.silence", kind=say(viewer.lang, key), target=target, author=one.author)
        found.append((text, "/silences"))
    if len(silences) > _MOST:
        found.append((say(viewer.lang, "notes.more", n=len(silences) - _MOST), "/silences"))
    if household is None:
        lasting = [one for one in duty.outages.recent(now, dong=viewer.dong) if one.ended_at is None]
    else:
        here = duty.outages.of_home(household)
        lasting = [] if here is None else [here]
    for outage in lasting:
        place = dongs.get(outage.target, "" if outage.target == "-" else outage.target)
        kind = say(viewer.lang, f"outage_kind.{outage.kind}")
        text = say(viewer.lang, "notes.outage", kind=kind, place=place, lost=outage.lost, gateways=outage.gateways)
        found.append((text, f"/outages/{outage.id}"))
    if household is None:
        found += [
            (say(viewer.lang, "notes.flood", login=flood.login, second=flood.second or "-"), "/roster") for flood in duty.floods()
        ]
        for gap in duty.gaps(dong=viewer.dong):
            empty = gap.dong_code == NO_ROSTER
            text = say(viewer.lang, "notes.no_roster") if empty else say(viewer.lang, "notes.gap", dong=dongs[gap.dong_code])
            found.append((text, "/roster"))
    return found


_MOST = 3
