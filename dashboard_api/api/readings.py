"""Readings posted by carriers and apps: a scoped token, a batch, an idempotency key; 202 once the journal has them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from dashboard_api.access import ServicesDep
from dashboard_api.problems import Problem
from dashboard_api.tokens import Scope, Token, TokenUnknown
from ingest.posted import KeyReused, PostedReading
from ingest.reading import Signal
from ingest.window import MAX_BOOT, MAX_SEQ
from ingest.wire import ID, Payload

router = APIRouter(tags=["readings"])

MOST_READINGS = 1_000
_NOT_POSTED = (Signal.CALL_MISSED, Signal.STATUS)

Id = Annotated[str, Field(pattern="^" + ID.pattern.replace(r"\Z", "$"), examples=["phone-0042"])]
Count = Annotated[int, Field(ge=0, le=10_000)]


class ReadingIn(BaseModel):
    """One reading; what the values mean stands in docs/devices.md. Nothing else may be sent: no name, no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, hide_input_in_errors=True)

    device: Id
    signal: Signal = Field(examples=["call"])
    dong: Id | None = Field(default=None, description="a claim that the register checks; its own place unless told")
    household: Id | None = None
    t: float | None = Field(default=None, description="seconds since 1970 UTC; the time of receipt unless told")
    v: bool | float | Literal["on", "off", "unreachable"] | None = None
    in_: Count | None = Field(default=None, alias="in")
    out: Count | None = None
    missed: Count | None = None
    bat: float | None = None
    boot: int | None = Field(default=None, ge=0, le=MAX_BOOT)
    seq: int | None = Field(default=None, ge=0, le=MAX_SEQ)

    @model_validator(mode="after")
    def _fits(self) -> ReadingIn:
        if self.signal in _NOT_POSTED:
            raise PydanticCustomError("not_posted", "a gateway says this of itself by MQTT")
        if (self.boot is None) != (self.seq is None):
            raise PydanticCustomError("boot_and_seq", "boot and seq go together")
        return self


class ReadingsIn(BaseModel):
    """A batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    readings: list[ReadingIn] = Field(min_length=1, max_length=MOST_READINGS)


class ReadingsOut(BaseModel):
    """What the journal holds now."""

    accepted: int
    offset: int = Field(description="of the journal's last entry of this batch; a repeated post is told the same one")


def _token(request: Request, services: ServicesDep) -> Token:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if services.tokens is None or kind.lower() != "bearer":
        raise TokenUnknown
    return services.tokens.check(text.strip(), Scope.READINGS_WRITE)


@router.post("/readings", status_code=202)
def post_readings(
    token: Annotated[Token, Depends(_token)],
    services: ServicesDep,
    wanted: ReadingsIn,
    idempotency_key: Annotated[
        str, Header(pattern=r"^[!-~]{1,128}$", description="one for each batch; a repeat changes nothing")
    ],
) -> ReadingsOut:
    """Journal the batch. Each reading is then judged as one that came by MQTT: what is wrong with it is kept as a rejection."""
    postbox = services.postbox
    if postbox is None:
        raise Problem(404, "not_found")
    if token.dong_code is not None and any(one.dong not in (None, token.dong_code) for one in wanted.readings):
        raise Problem(403, "token_dong")
    try:
        receipt = postbox.take(token.id, idempotency_key, [_posted(one) for one in wanted.readings], dong=token.dong_code)
    except KeyReused as error:
        raise Problem(409, "key_reused") from error
    return ReadingsOut(accepted=receipt.accepted, offset=receipt.offset)


def _posted(one: ReadingIn) -> PostedReading:
    payload = Payload(t=one.t, boot=one.boot, seq=one.seq, v=one.v, bat=one.bat, in_=one.in_, out=one.out, missed=one.missed)
    return PostedReading(
        device_id=one.device, signal=one.signal.value, payload=payload, dong_code=one.dong, household_id=one.household
    )
