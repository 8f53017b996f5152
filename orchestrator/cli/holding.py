"""Running a command that holds a lock: it inherits the descriptor, so that it keeps the lock also when `orc` is killed."""

import os
import signal
from collections.abc import Sequence

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
    os.set_inheritable(taken.descriptor, True)  # noqa: FBT003 - as the standard library has it
    try:
        pid = os.posix_spawnp(words[0], list(words), os.environ, setsigmask=mask, setsigdef=_PYTHON_IGNORES)
    except OSError as error:
        raise CannotRun(words[0], error) from error
    finally:
        os.set_inheritable(taken.descriptor, False)  # noqa: FBT003 - as above
    identity = identity_of(pid)
    lock_files.sign(taken.descriptor, pid=pid, start_ticks=identity.start_ticks if identity else None)
    return pid


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
