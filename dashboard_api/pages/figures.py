"""The page of the month's figures, and the same as a table for a spreadsheet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from alerts.figures.month import month_around
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.figures import asked_figures, month_asked
from dashboard_api.pages.shell import dong_names, place_of, shell
from dashboard_api.rows import level_word
from rules.finding import RuleKey
from rules.sentence import RULE_WORDS

router = APIRouter()


@router.get("/figures")
def figures(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    month: Annotated[str, Query(max_length=7)] = "",
    dong: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """One month; supervisors choose the dong, or see all and each beside the others."""
    found = asked_figures(services, viewer, month or None, dong or None)
    asked = month_asked(services, month or None)
    names = dong_names(services)
    by_dong = []
    if viewer.dong is None and not dong:
        by_dong = [(name, services.figures.figures(asked, dong=code)) for code, name in sorted(names.items())]
    return shell(
        request,
        services,
        viewer,
        "figures.html",
        found=found,
        by_dong=by_dong,
        names=names,
        level_word=lambda level: level_word(level, viewer.lang),
        rule_word=lambda rule: RULE_WORDS[viewer.lang.value][RuleKey(rule)],
        before=month_around(asked.begin - 1).name,
        after=month_around(asked.end).name if asked.end <= services.clock.home_now() else None,
        place=names.get(dong, dong) if dong else place_of(services, viewer),
    )
