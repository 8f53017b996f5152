"""Identity by content: canonical JSON, the hash of a variant, seeds by hash.

All of it is a function of its arguments, so that scheduling, restarts and executors cannot change it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

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
    text = _ENCODE(value)
    return _ENCODE(_positive_zeros(value)) if "-0.0" in text else text


def variant_hash(approach: str, canonical_parameters: str) -> str:
    """32 hexadecimal digits that name (approach, parameters); the parameters as `canonical_json` gives them."""
    return hashlib.sha256(f"{approach}\0{canonical_parameters}".encode()).hexdigest()[:32]


def _seed(*parts: object) -> int:
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def iteration_seed(experiment_seed: int, variant: str, stage: str, case: str | None, repeat: int) -> int:
    """The unsigned 32-bit seed of one iteration: a hash of (experiment seed, variant hash, stage, case, repeat)."""
    return _seed("iteration", experiment_seed, variant, stage, "" if case is None else f"={case}", repeat)


def shared_seed(experiment_seed: int, case: str | None, repeat: int) -> int:
    """The seed all variants and stages share for one (case, repeat): common random numbers."""
    return _seed("shared", experiment_seed, "" if case is None else f"={case}", repeat)


def round_seed(experiment_seed: int, round_number: int) -> int:
    """The seed of a generator's randomness in one round."""
    return _seed("round", experiment_seed, round_number)
