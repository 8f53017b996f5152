"""Running a command that holds a lock: it inherits the descriptor, so that it keeps the lock also when `orc` is killed."""

import contextlib
import os
import signal
from collections.abc import Sequence
from typing import NoReturn

from orchestrator.errors import InvalidRequest
from orchestrator.locks import Taken, identity_of
from orchestrator.worker import lock_files

FORWARDED = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM}
)
NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
_MOST_FROM_A_PROCESS = 0  # si_code of signals that were sent; those of the terminal reach the command by themselves


def run_holding(taken: Taken, words: Sequence[str]) -> int:
    """Run a command to its end and give the lock back; its exit status, 128 and more when a signal ended it.

    What it leaves running does not keep the lock. Signals sent to this process are passed on.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started this may have ignored it, and nobody would be told
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED | {signal.SIGCHLD})
    try:
        pid = _start(taken, words, mask=before)
        return _follow(pid)
    finally:
        taken.give_back()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(taken: Taken, words: Sequence[str], *, mask: set[int | signal.Signals]) -> int:
    """The process of the command, which has put its own number into the lock file before it became the command. Raises CannotRun.

    A fork, as this process has one thread: of a command that was spawned the file would say so only a moment later.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(taken, words, mask=mask, failed=writing)
    os.close(writing)
    with open(reading, "rb") as failure:  # noqa: PTH123 - a descriptor
        number = failure.read()
    if number:
        os.waitpid(pid, 0)
        raise CannotRun(words[0], OSError(int(number), os.strerror(int(number))))
    return pid


def _become(taken: Taken, words: Sequence[str], *, mask: set[int | signal.Signals], failed: int) -> NoReturn:
    """In the new process: sign the lock and become the command, or say why not and end."""
    try:
        identity = identity_of(os.getpid())
        with contextlib.suppress(OSError):  # a full disk: who holds it is for people to read
            ticks = identity.start_ticks if identity else None
            lock_files.sign(taken.descriptor, pid=os.getpid(), start_ticks=ticks)
        os.set_inheritable(taken.descriptor, True)  # noqa: FBT003 - as the standard library has it
        for number in _PYTHON_IGNORES:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvp(words[0], list(words))  # noqa: S606 - what the person asks for, without a shell
    except OSError as error:
        os.write(failed, str(error.errno).encode())
    finally:
        os._exit(NOT_FOUND)


class CannotRun(InvalidRequest):
    """The command could not be started."""

    def __init__(self, word: str, error: OSError) -> None:
        super().__init__(f"{word} could not be started: {error.strerror}")
        self.status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _follow(pid: int) -> int:
    while True:
        told = signal.sigwaitinfo(FORWARDED | {signal.SIGCHLD})
        if told.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return SIGNALLED + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        elif told.si_code <= _MOST_FROM_A_PROCESS:
            os.kill(pid, told.si_signo)
