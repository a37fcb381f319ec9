"""What devices sent and we never got, over the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import LostOut, LostRangeOut

router = APIRouter(tags=["households"])


@router.get("/lost")
def lost(viewer: ViewerDep, services: ServicesDep, household: Annotated[str | None, Query(max_length=32)] = None) -> LostOut:
    """Messages of devices in the viewer's dong that were missing for 24 h, the newest loss first, 500 at most."""
    found = services.losses.of(dong=viewer.dong, household_id=household)
    return LostOut(
        lost=[
            LostRangeOut(
                device=one.device_id,
                household=one.household_id,
                boot=one.boot,
                from_seq=one.first_seq,
                to_seq=one.last_seq,
                messages=one.messages,
                came_late=one.came_late,
                noticed_at=one.noticed_at,
                lost_at=one.lost_at,
            )
            for one in found
        ]
    )
