"""Identity by content: canonical JSON, the hash of a variant, seeds by hash.

All of it is a function of its arguments, so that scheduling, restarts and executors cannot change it.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any

_sha256 = hashlib.sha256
_FIRST_WORD, _FIRST_LONG = struct.Struct(">I").unpack_from, struct.Struct(">q").unpack_from
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def _positive_zeros(value: Any) -> Any:
    if isinstance(value, float) and value == 0.0:
        return 0.0
    if isinstance(value, Mapping):
        return {key: _positive_zeros(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_positive_zeros(inner) for inner in value]
    return value


def canonical_json(value: Any) -> str:
    """Keys sorted, no blanks, ASCII only; -0.0 is 0.0; 1 and 1.0 differ. Raises ValueError for what is not finite."""
    text = _flat_numbers(value) if type(value) is dict else None
    if text is None:
        text = _ENCODE(value)
    return _ENCODE(_positive_zeros(value)) if "-0.0" in text else text


def _flat_numbers(value: dict[Any, Any]) -> str | None:
    """The JSON of a flat object of finite numbers and short texts, as nearly all parameters are, in a third of the encoder's time."""
    parts = []
    for key, inner in value.items() if len(value) < 2 else sorted(value.items()):  # noqa: PLR2004 one needs no sorting
        kind = type(inner)
        if type(key) is not str or not ((kind is float and isfinite(inner)) or kind is int or kind is str):
            return None
        parts.append(f"{_quoted(key)}:{_quoted(inner) if kind is str else repr(inner)}")
    return "{" + ",".join(parts) + "}"


@lru_cache(maxsize=1000)
def _quoted(text: str) -> str:
    return _ENCODE(text)


def variant_hash(approach: str, canonical_parameters: str) -> int:
    """Signed 64 bits that stand for (approach, parameters); the parameters as `canonical_json` gives them.

    Of a million variants two have the same one with a chance of 3 in 10^8: the store then refuses the second, and never takes it for the
    first.
    """
    stands_for: int = _FIRST_LONG(_sha256(f"{approach}\0{canonical_parameters}".encode()).digest())[0]
    return stands_for


def call_hash(call: str, canonical_arguments: str) -> str:
    """32 hexadecimal digits that name what is called with which arguments."""
    return hashlib.sha256(f"{call}\0{canonical_arguments}".encode()).hexdigest()[:32]


def _seed(*parts: object) -> int:
    seed: int = _FIRST_WORD(_sha256("\0".join(map(str, parts)).encode()).digest())[0]
    return seed


def iteration_seeds(experiment_seed: int, stage: str, case: str | None, repeat: int) -> Callable[[int], int]:
    """Gives a variant's (by its hash) unsigned 32-bit seed for one (stage, case, repeat): a hash of these and the experiment's seed."""
    before = f"iteration\0{experiment_seed}\0"
    after = f"\0{stage}\0{'' if case is None else f'={case}'}\0{repeat}"

    def seed(variant: int) -> int:
        found: int = _FIRST_WORD(_sha256(f"{before}{variant}{after}".encode()).digest())[0]
        return found

    return seed


def iteration_seed(experiment_seed: int, variant: int, stage: str, case: str | None, repeat: int) -> int:
    """The unsigned 32-bit seed of one iteration: a hash of (experiment seed, variant hash, stage, case, repeat)."""
    return iteration_seeds(experiment_seed, stage, case, repeat)(variant)


def shared_seed(experiment_seed: int, case: str | None, repeat: int) -> int:
    """The seed all variants and stages share for one (case, repeat): common random numbers."""
    return _seed("shared", experiment_seed, "" if case is None else f"={case}", repeat)


def round_seed(experiment_seed: int, round_number: int) -> int:
    """The seed of a generator's randomness in one round."""
    return _seed("round", experiment_seed, round_number)
