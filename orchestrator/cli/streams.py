"""The three standard streams, which whoever started this may have closed, filled up or stopped reading."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

_MODES = ("r", "w", "w")


def open_closed() -> None:
    """What is closed becomes /dev/null, as a command with nobody to speak to expects.

    Left closed, the next file or socket would get its number, and whatever is started would print into that.
    """
    for descriptor, (name, mode) in enumerate(zip(("stdin", "stdout", "stderr"), _MODES, strict=True)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)  # gets the lowest number that is free
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - as the standard library has it
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))


def replace_letters() -> None:
    """A terminal that lacks a letter still gets the rest."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def quieten_stdout() -> None:
    """Nobody reads any more: what is still buffered must not raise when the interpreter leaves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush() -> None:
    """Pass on what is buffered; that it cannot be has been told before, or there is nobody to tell."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
