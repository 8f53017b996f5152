"""The C library's own standard output, which Python does not know."""

from __future__ import annotations

import ctypes

_LINE_BUFFERED = 1
_BUFFER_BYTES = 64 * 1024

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_STDOUT = ctypes.c_void_p.in_dll(_LIBRARY, "stdout")
_LIBRARY.fflush.argtypes = [ctypes.c_void_p]
_LIBRARY.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]


def buffer_stdout_by_lines() -> None:
    """Let what C code prints reach its file line by line."""
    _LIBRARY.setvbuf(_STDOUT, None, _LINE_BUFFERED, _BUFFER_BYTES)


def flush_stdout() -> None:
    """Write what C code has printed and the C library still holds."""
    _LIBRARY.fflush(_STDOUT)
