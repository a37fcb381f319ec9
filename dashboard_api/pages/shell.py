"""What every page of ours shows around its own content: stages that are not well, where the live stream stands."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Request, Response
from pydantic import StringConstraints

from dashboard_api.access import Viewer
from dashboard_api.pages.notes import notes_of
from dashboard_api.render import page
from dashboard_api.services import Services
from dashboard_api.words import WORDS, Lang, say

HouseholdQuery = Annotated[str, StringConstraints(max_length=32, strip_whitespace=True)]


class BrokenStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that does not move, in the viewer's words."""

    word: str
    detail: str
    lag: int | None


def broken_stages(services: Services, lang: Lang) -> list[BrokenStage]:
    """The stages that are not well now, and for which an alarm may be missed."""
    return [
        BrokenStage(word=_stage_word(stage.name, lang), detail=stage.detail, lag=stage.lag)
        for stage in services.stages()
        if not stage.ok and not stage.upkeep
    ]


def _stage_word(name: str, lang: Lang) -> str:
    return say(lang, f"stage.{name}") if f"stage.{name}" in WORDS else name


def place_of(services: Services, viewer: Viewer) -> str:
    """The name of the viewer's dong; of all of them, for those who see all."""
    if viewer.dong is None:
        return say(viewer.lang, "page.all_dongs")
    return dong_names(services).get(viewer.dong, viewer.dong)


def dong_names(services: Services) -> dict[str, str]:
    """Each dong's name by its code."""
    return {dong.code: dong.name for dong in services.register.dongs()}


def shell(
    request: Request, services: Services, viewer: Viewer, template: str, about: str | None = None, /, **shown: Any
) -> Response:
    """A page or fragment for somebody logged in; `about` is the home a page is about.

    The live stream begins where the content was read, so nothing is missed.
    """
    notes = [] if template.startswith("part/") else notes_of(services, viewer, household=about)
    return page(request, services, template, broken=broken_stages(services, viewer.lang), notes=notes, **shown)
