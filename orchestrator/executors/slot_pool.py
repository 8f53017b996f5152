"""The processes of one executor: who holds which, who is idle, who is on its way. Decides without waiting, acts in its task group."""

import itertools
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.slot import Key, Lane, Slot

_POLITE_SECONDS = 1.0
"""How long an idle process may take to leave by itself before it is killed."""

LAST_WORDS_SECONDS = 1.0
"""How long an answer of a dead process may be on its way."""


REPLENISH_SECONDS = 2.0
"""How long after a spare process was taken the next one is started, unless the experiment that took it has ended before."""

BIRTH_TRIALS = 2
"""How often it is tried to start a process: what it is forked from may be killed just then, which nobody's experiment shall end for."""


class Seat(NamedTuple):
    """The right to run one batch."""

    slot: Slot
    lane: Lane


class _Birth:
    """A process that is being started for whoever comes first."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.slot: Slot | None = None
        self.error: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether nobody will come of it."""
        return self.over.is_set() and (self.slot is None or self.slot.died.is_set())


class SlotPool:
    """Hands out seats. `start` makes a process whose spool is at a path; it blocks and runs in a thread.

    At most `seats` batches run at an instant, in at most `processes` processes as long as an idle one can be ended instead;
    `spares` processes are kept ready that hold nobody's code yet.
    """

    def __init__(
        self, start: Callable[[str], Slot], *, folder: Path, seats: int, processes: int, spares: int = 0
    ) -> None:
        self._start = start
        self._folder = folder
        self._seats = anyio.Semaphore(seats)
        self._limiter = anyio.CapacityLimiter(seats + spares + 4)
        self._processes = processes
        self._spares = spares
        self._births: list[_Birth] = []
        self._claimed = 0
        self._slots: list[Slot] = []  # least recently used first
        self._starting: dict[Key, anyio.Lock] = {}
        self._names = itertools.count(1)
        self._calm = anyio.Event()  # set when an experiment has ended, or all have
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await to_thread.run_sync(self._make_folder)
        await self._tasks.__aenter__()
        self._keep_spares()
        return self

    def _make_folder(self) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)  # what a killed daemon left
        self._folder.mkdir(mode=0o700, parents=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.shield = True
        self._spares = 0
        self._calm.set()
        for slot in list(self._slots):
            if slot.idle:
                self._dismiss(slot)
            else:
                slot.kill()
        for birth in self._births:
            self._tasks.start_soon(self._end_unborn, birth)
        await self._tasks.__aexit__(None, None, None)
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(partial(shutil.rmtree, self._folder, ignore_errors=True))

    # ------------------------------------------------------------------------------------------------------------ seats

    def seat_at_once(self, key: Key) -> Seat | None:
        """A seat in a process that is there, if there is one."""
        slot = self._find(key)
        if slot is None:
            return None
        try:
            self._seats.acquire_nowait()
        except anyio.WouldBlock:
            return None
        return self._take(slot)

    async def seat(self, key: Key) -> Seat:
        """A seat; waits for its turn and for a process. Raises ExecutorUnusable when none can be started."""
        await self._seats.acquire()
        try:
            lock = self._starting.setdefault(key, anyio.Lock())
            async with lock:
                slot = self._find(key) or await self._new(key)
                return self._take(slot)
        except BaseException:
            self._seats.release()
            raise

    async def lone_seat(self, key: Key) -> Seat:
        """A seat in a fresh process that nobody else gets a seat in, and that ends with the batch. As `seat` otherwise."""
        await self._seats.acquire()
        try:
            slot = await self._new(key)
        except BaseException:
            self._seats.release()
            raise
        slot.retired = True
        return self._take(slot)

    def behind(self, seat: Seat) -> Seat | None:
        """A seat for one more batch, which the process begins as soon as the one in this seat is over; None when there is no room."""
        return self._take(seat.slot) if self.has_room_behind(seat) else None

    def has_room_behind(self, seat: Seat) -> bool:
        """Whether one more batch can be sent to the process right now."""
        slot = seat.slot
        return bool(slot.free) and not (slot.together or slot.retired or slot.killed or slot.died.is_set())

    def give_back(self, seat: Seat) -> None:
        """The batch is over."""
        slot = seat.slot
        slot.free.append(seat.lane)
        if slot.together or slot.idle:  # else who is behind has the right to run from now on
            self._seats.release()
        if slot.idle and (slot.killed or slot.retired or slot.died.is_set()):
            self._dismiss(slot)

    def _find(self, key: Key) -> Slot | None:
        for slot in reversed(self._slots):
            room = slot.free if slot.together else slot.idle
            if slot.key == key and room and not (slot.retired or slot.killed or slot.died.is_set()):
                return slot
        return None

    def _take(self, slot: Slot) -> Seat:
        self._slots.remove(slot)
        self._slots.append(slot)
        return Seat(slot, slot.free.pop())

    async def _new(self, key: Key) -> Slot:
        self._make_room()
        self._claimed += 1
        try:
            slot = await self._newborn()
        finally:
            self._claimed -= 1
        slot.key = key
        self._slots.append(slot)
        return slot

    def _make_room(self) -> None:
        """End the idle processes that were not used for longest until there is room for one more."""
        for slot in list(self._slots):
            if len(self._slots) + self._claimed < self._processes:
                return
            if slot.idle:
                self._dismiss(slot)

    # ----------------------------------------------------------------------------------------------------- birth and end

    def _keep_spares(self) -> None:
        while len(self._births) < self._spares:
            self._conceive()

    async def _replenish(self) -> None:
        """Make a new spare, but not at once: starting a process is work that the experiment which took the last one would feel."""
        with anyio.move_on_after(REPLENISH_SECONDS):
            await self._calm.wait()
        self._keep_spares()

    def _conceive(self) -> None:
        birth = _Birth()
        self._births.append(birth)
        self._tasks.start_soon(self._bear, birth)

    async def _newborn(self) -> Slot:
        self._births = [
            birth for birth in self._births if not birth.failed
        ]  # a spare of long ago says nothing about now
        if not self._births:
            self._conceive()
        birth = self._births.pop(0)
        self._tasks.start_soon(self._replenish)
        try:
            await birth.over.wait()
        except BaseException:
            self._births.insert(0, birth)
            raise
        if birth.slot is None or birth.failed:
            raise ExecutorUnusable(str(birth.error or "a fresh worker process died")) from birth.error
        return birth.slot

    async def _bear(self, birth: _Birth) -> None:
        for _ in range(BIRTH_TRIALS):
            path = str(self._folder / f"slot-{next(self._names)}")
            try:
                birth.slot = await to_thread.run_sync(self._start, path, limiter=self._limiter)
                break
            except (ExecutorUnusable, OSError) as error:
                birth.error = error
        birth.over.set()
        if birth.slot is not None:
            await self._mourn(birth.slot)

    async def _mourn(self, slot: Slot) -> None:
        """Wait for the end of a process, whatever ends it, and sweep up behind it."""
        await anyio.wait_readable(slot.pidfd)
        await to_thread.run_sync(slot.sweep, limiter=self._limiter)
        slot.died.set()
        if slot.idle:
            self._dismiss(slot)
        with anyio.move_on_after(LAST_WORDS_SECONDS):
            for over in tuple(slot.waiting):
                await over.wait()
        for over in slot.waiting:  # something holds the dead process's pipe open
            over.set()

    async def _end_unborn(self, birth: _Birth) -> None:
        await birth.over.wait()
        if birth.slot is not None:
            self._dismiss(birth.slot)

    async def retire(self, experiment: int) -> None:
        """End what holds this experiment's code: idle processes before this returns, the others when they become idle."""
        ending = [slot for slot in self._slots if slot.key is not None and slot.key.experiment == experiment]
        idle = [slot for slot in ending if slot.idle]
        for slot in ending:
            slot.retired = True
        for slot in idle:
            self._dismiss(slot)
        for key in [key for key in self._starting if key.experiment == experiment]:
            del self._starting[key]
        for slot in idle:
            await slot.died.wait()
        self._calm.set()
        self._calm = anyio.Event()

    def _dismiss(self, slot: Slot) -> None:
        """An idle process is not needed any more, or is dead."""
        if slot in self._slots:
            self._slots.remove(slot)
        if not slot.buried:
            slot.buried = True
            self._tasks.start_soon(self._bury, slot)

    async def _bury(self, slot: Slot) -> None:
        """The ladder: ask, kill, give back."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(to_thread.run_sync, slot.reap, limiter=self._limiter))
            with anyio.move_on_after(_POLITE_SECONDS):
                await slot.died.wait()
            slot.kill_if_alive()
            await slot.died.wait()
        slot.silence()
        await to_thread.run_sync(slot.release, limiter=self._limiter)
