"""Captured output: the files of attempts, read piece by piece and followed while they grow."""

import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio.to_thread

from orchestrator import places
from orchestrator.domain.refs import Ref, parse_ref

PIECE_BYTES = 64 * 2**10

Which = Literal["out", "err", "both"]


@dataclass(slots=True)
class Tail:
    """One growing file, and how much of it has been read. It may not be there yet."""

    label: str
    path: Path
    _offset: int = field(default=0)

    def read(self) -> bytes:
        """The next piece; nothing when there is no more now. What was cut out of the middle meanwhile is skipped."""
        try:
            with self.path.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                self._offset = min(self._offset, size)
                if self._offset == size:
                    return b""
                file.seek(self._offset)
                piece = file.read(PIECE_BYTES)
        except FileNotFoundError:
            return b""
        self._offset += len(piece)
        return piece


class Printer:
    """Joins the output of several files into one text; says which file follows whenever that changes."""

    def __init__(self, *, titles: bool) -> None:
        self._titles = titles
        self._last: str | None = None
        self._at_line_start = True

    def text(self, label: str, piece: bytes) -> bytes:
        """A piece as it is printed."""
        title = b""
        if self._titles and label != self._last:
            title = (b"" if self._at_line_start else b"\n") + f"==> {label} <==\n".encode()
        self._last = label
        self._at_line_start = piece.endswith(b"\n")
        return title + piece


def tails(state: Path, ref: Ref, *, attempt: int, which: Which) -> list[Tail]:
    """The files of one attempt at an iteration."""
    assert ref.variant is not None
    assert ref.iteration is not None
    folder = places.run_folder(state, ref.experiment)
    out, err = places.output_files(folder, ref.variant, ref.iteration, attempt=attempt)
    both = [Tail(f"{ref} out", out), Tail(f"{ref} err", err)]
    return {"out": both[:1], "err": both[1:], "both": both}[which]


def tails_of_row(state: Path, iteration: dict[str, Any], which: Which) -> list[Tail]:
    """The files of the last attempt at an iteration, as a view shows it; none before the first."""
    if not iteration["attempt"]:
        return []
    return tails(state, parse_ref(iteration["ref"]), attempt=iteration["attempt"], which=which)


async def drain(files: Iterable[Tail], printer: Printer) -> AsyncIterator[bytes]:
    """Everything the files hold now and have not given yet, one after the other."""
    waiting = deque(files)
    while waiting:
        pieces = await anyio.to_thread.run_sync(_read_some, waiting)
        if pieces:
            yield b"".join(printer.text(label, piece) for label, piece in pieces)


def _read_some(waiting: deque[Tail]) -> list[tuple[str, bytes]]:
    """Read from the front, dropping files that give no more, until there is enough for one go: most files are small or missing."""
    pieces: list[tuple[str, bytes]] = []
    size = 0
    while waiting and size < PIECE_BYTES:
        piece = waiting[0].read()
        if piece:
            pieces.append((waiting[0].label, piece))
            size += len(piece)
        if len(piece) < PIECE_BYTES:
            waiting.popleft()
    return pieces


def iterations(variants: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All iterations of some variants, in order."""
    for variant in variants:
        yield from variant["iterations"]
