"""Telling whoever started the daemon that it is ready: a line on the descriptor it named."""

import os


class ReadyPipe:
    """The writing end of a pipe a client waits at. It hears of readiness, or that the pipe closed: then the daemon has died."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - os gives it no name

    def ready(self) -> None:
        """The daemon answers at its socket. Said once."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.write(descriptor, b"ready\n")
        except BrokenPipeError:
            return  # the client did not wait
        finally:
            os.close(descriptor)
