"""The program of a thread host: one process that runs batches in threads, for executors that hand it calls over a pipe."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from orchestrator.worker import lane
from orchestrator.worker.slot import Cords, become_slot, open_spools
from orchestrator.worker.streams import RoutedStream, ThreadStreams, open_pair
from orchestrator.worker.usage import ThreadMeter

UNHEARD = 70
"""The exit status of a host that cannot answer any more."""


def serve(mark: int, calls: Connection, lanes: Sequence[Cords], spool: str, lifeline: Connection) -> None:  # noqa: ARG001 - held
    """Run calls `(number, function, arguments)` until None arrives; answer `(number, result, exception)`.

    The lifeline is held, and nothing is said on it.

    Lane n has the n-th cords and the spool `<spool>.<n>`. What is printed through Python is caught for the lane of its thread. What C
    code prints, and what threads print that an evaluation starts itself, goes to the host's own spool and belongs to no attempt.
    """
    become_slot(mark, spool)
    common = open_pair(1, 2)
    routed = RoutedStream(common[0]), RoutedStream(common[1])
    sys.stdout, sys.stderr = routed
    for number, cords in enumerate(lanes):
        journal = cords.taken(number)
        descriptors = open_spools(f"{spool}.{number}")
        streams = ThreadStreams(*descriptors, routed=routed)
        lane.lay(number, lane.LocalLane(journal, descriptors, streams=streams, meter=ThreadMeter()))
    answers = threading.Lock()

    def run(number: int, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        result, error = None, None
        try:
            result = function(*arguments)
        except BaseException as raised:  # noqa: BLE001 - the caller gets it
            error = raised
        try:
            with answers:
                calls.send((number, result, error))
        except BaseException:  # noqa: BLE001 - nobody would hear of it: better a host that has died than one that is silent
            os._exit(UNHEARD)

    with ThreadPoolExecutor(len(lanes), thread_name_prefix="lane") as threads:
        while True:
            call = calls.recv()
            if call is None:
                return
            threads.submit(run, *call)
