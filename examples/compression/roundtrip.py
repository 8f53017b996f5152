"""Compress real files, decompress them, and say how small they became.

The metrics are facts about the bytes, so every run of the experiment gives the same ones; how long it took is measured
from outside, as `wall_seconds`, and is the objective of the experiment file.
"""

import bz2
import functools
import lzma
import sys
import sysconfig
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

CORPUS_BYTES = 1_000_000


class Trial(Protocol):
    """What this evaluation reads of the trial it is given."""

    case: str


def evaluate(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """The ratio (bytes before / bytes after) and the bytes after, for one codec on one kind of file."""
    original = corpus(trial.case)
    compress, decompress = codec(params)

    begun = time.perf_counter()
    packed = compress(original)
    packed_at = time.perf_counter()
    restored = decompress(packed)
    ended = time.perf_counter()

    if restored != original:
        message = f"{params['codec']} did not give back what it was given"
        raise ValueError(message)
    print(f"compress {speed(original, packed_at - begun)}, decompress {speed(original, ended - packed_at)}")
    return {"ratio": len(original) / len(packed), "packed_bytes": len(packed)}


def codec(params: Mapping[str, Any]) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    """The two directions of the codec that the parameters describe."""
    match params["codec"]:
        case "zlib":
            return functools.partial(zlib.compress, level=params["zlib_level"]), zlib.decompress
        case "bz2":
            return functools.partial(bz2.compress, compresslevel=params["bz2_level"]), bz2.decompress
        case _:
            preset = params["lzma_preset"] | (lzma.PRESET_EXTREME if params["lzma_extreme"] else 0)
            return functools.partial(lzma.compress, preset=preset), lzma.decompress


@functools.cache
def corpus(kind: str) -> bytes:
    """The first megabyte of real files of one kind, all found beside the running Python."""
    content = bytearray()
    for path in FILES[kind]():
        content += path.read_bytes()
        if len(content) >= CORPUS_BYTES:
            break
    return bytes(content[:CORPUS_BYTES])


def sources() -> Iterator[Path]:
    """Program text: the modules of the standard library, by name."""
    yield from sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def prose() -> Iterator[Path]:
    """English with some markup: the language reference that `help()` shows."""
    yield Path(sysconfig.get_path("stdlib"), "pydoc_data", "topics.py")


def machine_code() -> Iterator[Path]:
    """Machine code: the interpreter itself, then its extension modules."""
    yield Path(sys.executable).resolve()
    yield from sorted(Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"))


FILES = {"sources": sources, "prose": prose, "machine_code": machine_code}


def speed(content: bytes, seconds: float) -> str:
    """Megabytes a second, for people."""
    return f"{len(content) / 1e6 / max(seconds, 1e-9):.0f} MB/s"
