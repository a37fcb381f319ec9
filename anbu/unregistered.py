"""What the register refuses, as a command says it: in the operator's language, and with the next step."""

from __future__ import annotations

from anbu.ending import Refusal
from anbu.language import say
from ingest.register.homes import AlreadyRegistered, NotRegistered

_NOUNS = {
    "dong": "동",
    "household": "가구",
    "device": "기기",
    "unclaimed device": "등록되지 않은 기기",
    "address": "기기 주소",
}


def unregistered(error: Exception) -> Refusal:
    """The refusal for what came out of the register; of any other error its own text."""
    if isinstance(error, NotRegistered):
        noun = _NOUNS.get(error.kind, error.kind)
        if error.ended:
            return Refusal(say(f"{noun} {error.key}: 돌봄이 끝났습니다", str(error)))
        return Refusal(say(f"{noun} {error.key} 이(가) 없습니다", str(error)), _step(error.kind, error.key))
    if isinstance(error, AlreadyRegistered):
        return Refusal(say(f"{_NOUNS.get(error.kind, error.kind)} {error.key} 이(가) 이미 있습니다", str(error)))
    return Refusal(str(error))


def _step(kind: str, key: str) -> str:
    match kind:
        case "dong":
            return say(f"anbu dong add {key} 이름", f"anbu dong add {key} NAME")
        case "household":
            return say(f"anbu household add {key} --dong 동코드", f"anbu household add {key} --dong CODE")
        case "device":
            return say(
                f"anbu device enrol --household 가구 --model 모델 --id {key}",
                f"anbu device enrol --household ID --model MODEL --id {key}",
            )
        case "unclaimed device":
            return "anbu device unclaimed"
        case _:
            return ""
