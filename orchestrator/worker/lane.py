"""A lane: what the executions of one batch at a time write to. A slot has one, a thread host one for each thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, Union

from orchestrator.worker import outcomes
from orchestrator.worker.journal import Journal
from orchestrator.worker.output import store_output
from orchestrator.worker.streams import ProcessStreams, ThreadStreams
from orchestrator.worker.usage import ProcessMeter, ThreadMeter

_seek, _END = os.lseek, os.SEEK_END


class Lane(Protocol):
    """Where a running batch leaves its traces. A batch that runs where nobody laid a lane leaves none."""

    meter: Union[ProcessMeter, ThreadMeter]

    def begin_batch(self) -> None:
        """A batch begins."""

    def loading(self, *, under_way: bool) -> None:
        """The workload is being imported, or has been."""

    def begin(self, position: int) -> None:
        """An evaluation begins."""

    def note(self, position: int, what: dict[str, Any]) -> bool | None:
        """It reports something: whether it is to end; None when nobody has taken the report."""

    def printed(self) -> bool:
        """It has ended: whether it printed anything."""

    def collect(self, stem: str, limit_bytes: int) -> int:
        """What it printed goes to `<stem>.out` and `<stem>.err`; how many bytes that was. Raises OSError."""

    def finish(self, position: int, outcome: dict[str, Any]) -> None:
        """Its outcome is known."""


class NoLane:
    """Leaves no traces: what is printed goes wherever the process prints."""

    def __init__(self) -> None:
        self.meter: Union[ProcessMeter, ThreadMeter] = ThreadMeter()

    def begin_batch(self) -> None:
        """Nothing."""

    def loading(self, *, under_way: bool) -> None:
        """Nothing."""

    def begin(self, position: int) -> None:
        """Nothing."""

    def note(self, position: int, what: dict[str, Any]) -> bool | None:  # noqa: ARG002 - as in the protocol
        """Nobody hears it before the outcome."""
        return None

    def printed(self) -> bool:
        """Nothing was caught."""
        return False

    def collect(self, stem: str, limit_bytes: int) -> int:  # noqa: ARG002 - as in the protocol
        """Nothing was caught."""
        return 0

    def finish(self, position: int, outcome: dict[str, Any]) -> None:
        """Nothing."""


class LocalLane:
    """Writes a journal and catches output in two spool files, which the daemon can read and trim."""

    def __init__(
        self,
        journal: Journal,
        spools: tuple[int, int],
        *,
        streams: Union[ProcessStreams, ThreadStreams],
        meter: Union[ProcessMeter, ThreadMeter],
        flush_c: Callable[[], None] | None = None,
    ) -> None:
        self._journal = journal
        self._out, self._err = spools
        self._streams = streams
        self._flush_c = flush_c
        self.meter = meter

    def begin_batch(self) -> None:
        """Start the journal anew."""
        self._streams.lead_here()
        self._streams.restore()
        self._journal.begin_batch()
        self.meter.begin()

    def loading(self, *, under_way: bool) -> None:
        """Tell the daemon so that it can say what hung or crashed."""
        self._journal.loading(under_way=under_way)

    def begin(self, position: int) -> None:
        """Restore what the last evaluation may have changed and note the beginning."""
        self._streams.restore()
        self._journal.begin(position)

    def note(self, position: int, what: dict[str, Any]) -> bool | None:
        """Write it into the journal and ring."""
        return self._journal.note(position, outcomes.encode(what))

    def printed(self) -> bool:
        """Flush everything and look at the sizes of the spools."""
        self._streams.flush()
        if self._flush_c is not None:
            self._flush_c()
        return bool(_seek(self._out, 0, _END) or _seek(self._err, 0, _END))

    def collect(self, stem: str, limit_bytes: int) -> int:
        """Make files of what was printed. Raises OSError when they cannot be written."""
        out_cut, err_cut = self._journal.take_cut()
        return store_output(self._out, stem + ".out", limit_bytes=limit_bytes, cut_bytes=out_cut) + store_output(
            self._err, stem + ".err", limit_bytes=limit_bytes, cut_bytes=err_cut
        )

    def finish(self, position: int, outcome: dict[str, Any]) -> None:
        """Note the outcome."""
        self._journal.finish(position, *outcomes.pack(outcome))


_LANES: dict[int, Lane] = {}
_NO_LANE: Lane = NoLane()


def lay(number: int, lane: Lane) -> None:
    """Offer a lane to the batches that name its number."""
    _LANES[number] = lane


def lane_of(number: int | None) -> Lane:
    """The lane a batch names; one that leaves no traces when it names none."""
    if number is None:
        return _NO_LANE
    return _LANES[number]
