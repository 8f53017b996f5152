"""Where Python's sys.stdout and sys.stderr lead inside a slot."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from typing import Any, TextIO

Pair = tuple[TextIO, TextIO]


def open_pair(out: int, err: int) -> Pair:
    """Text streams on two descriptors, which stay open when a stream is closed. Lines are written at once."""
    return _open(out), _open(err)


def _open(descriptor: int) -> TextIO:
    binary = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
    return io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def flush(pair: Pair) -> None:
    """Write what the streams hold. A workload may have closed or broken its own; that costs its own output only."""
    for stream in pair:
        with contextlib.suppress(BaseException):  # its own stream may leave by SystemExit
            stream.flush()


class ProcessStreams:
    """sys.stdout and sys.stderr of a slot that runs one evaluation at an instant."""

    def __init__(self, out: int, err: int) -> None:
        self._descriptors = out, err
        self._pair = open_pair(1, 2)

    def restore(self) -> None:
        """Undo what the last evaluation may have done to them."""
        sys.stdout, sys.stderr = self._pair

    def flush(self) -> None:
        """Write what they hold, and what a workload put in their place holds."""
        out, err = self._pair
        if sys.stdout is not out or sys.stderr is not err:
            flush((sys.stdout, sys.stderr))
        try:
            out.flush()
            err.flush()
        except (ValueError, OSError):  # one was closed, which has flushed it; or the disk is full
            flush(self._pair)
            self.lead_here()
            self._pair = open_pair(1, 2)

    def lead_here(self) -> None:
        """Descriptors 1 and 2 lead to where output is caught, whatever the last evaluation has closed or put there."""
        for descriptor, target in zip(self._descriptors, (1, 2)):  # noqa: B905 - strict came with 3.10
            os.dup2(descriptor, target)


class RoutedStream:
    """A text stream that is another one in each thread that has called `lead`, and a common one in all others."""

    def __init__(self, common: TextIO) -> None:
        self._local = threading.local()
        self._common = common

    def lead(self, stream: TextIO) -> None:
        """From now on what this thread prints goes there."""
        self._local.stream = stream

    def _stream(self) -> TextIO:
        stream: TextIO = getattr(self._local, "stream", self._common)
        return stream

    def write(self, text: str) -> int:
        """As of a text stream."""
        return self._stream().write(text)

    def flush(self) -> None:
        """As of a text stream."""
        self._stream().flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


class ThreadStreams:
    """What one thread of a thread host prints through Python."""

    def __init__(self, out: int, err: int, *, routed: tuple[RoutedStream, RoutedStream]) -> None:
        self._descriptors = out, err
        self._pair = open_pair(out, err)
        self._routed = routed

    def restore(self) -> None:
        """Lead the calling thread's output here."""
        if self._pair[0].closed or self._pair[1].closed:
            self._pair = open_pair(*self._descriptors)
        for routed, stream in zip(self._routed, self._pair):  # noqa: B905 - strict came with 3.10
            routed.lead(stream)

    def lead_here(self) -> None:
        """Nothing: descriptors 1 and 2 belong to the host."""

    def flush(self) -> None:
        """Write what the streams hold."""
        flush(self._pair)
