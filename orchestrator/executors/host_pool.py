"""A `concurrent.futures.Executor` whose calls run in the threads of another process, the thread host."""

import itertools
import pickle
import queue
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class HostPool(Executor):
    """Ships calls over a pipe. Two threads write and read it, so that a host that hangs never holds up whoever submits."""

    def __init__(self, process: BaseProcess, calls: Connection, lifeline: Connection) -> None:
        self._process = process
        self._calls = calls
        self._lifeline = lifeline
        self._numbers = itertools.count()
        self._pending: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=target, name=f"thread-host-{process.pid}", daemon=True)
            for target in (self._write, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call in a thread of the host. Raises BrokenExecutor when the host is gone."""
        if kwargs:
            raise TypeError("a thread host takes positional arguments only")
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise BrokenExecutor("the thread host is gone")
            number = next(self._numbers)
            self._pending[number] = future
            future.set_running_or_notify_cancel()
        self._outbox.put(pickle.dumps((number, fn, args)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as in the base class
        """Ask the host to end when it has done what it was given; nothing that was sent can be called back."""
        del cancel_futures
        with self._lock:
            self._closed = True
        self._outbox.put(pickle.dumps(None))
        if wait:
            for thread in self._threads:
                thread.join()

    def _write(self) -> None:
        while (message := self._outbox.get()) is not None:
            try:
                self._calls.send_bytes(message)
            except OSError:
                return  # the host is gone; the reader tells everybody

    def _read(self) -> None:
        try:
            while self._next_answer():
                pass
        finally:
            self._break()

    def _next_answer(self) -> bool:
        """Resolve one future; False when the host is gone. Its death counts even when a child of it still holds the pipe, and the end of
        its lifeline, which nobody writes to, even when it lives on: it has closed everything, perhaps while one thread of it reads.
        """
        if self._calls not in wait([self._calls, self._process.sentinel, self._lifeline]):
            return False
        try:
            number, result, error = self._calls.recv()
        except (EOFError, OSError):
            return False
        with self._lock:
            future = self._pending.pop(number)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
        return True

    def _break(self) -> None:
        with self._lock:
            self._closed = True
            pending, self._pending = self._pending, {}
        self._outbox.put(None)
        for future in pending.values():  # before the process is waited for: one that has only closed its pipe lives on
            future.set_exception(BrokenExecutor("the thread host died"))
        self._process.join()
        self._calls.close()
        self._lifeline.close()
