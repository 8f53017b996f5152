"""The program that searches the output of commands for declared metrics.

    python -S -s -m orchestrator.worker.pattern_search

A pattern may search for longer than anybody waits, and holds the lock of the interpreter it runs in until it has finished: it is not
run where anything else is done. Each line of the input is a request, `{"path", "patterns": [[metric, pattern], ...]}`; it is answered
by one line for each pattern, `{"number"}` or, as the last one, `{"error"}`. When a request takes more processor time than it may the
kernel ends the process (SIGPROF), also when nobody is there any more. It ends with its input.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any, Dict, Iterator

from orchestrator.worker.commands import InvalidMetrics, metric_from_pattern

MOST_SECONDS = 2.0
"""Of processor time, for all patterns of an evaluation."""
MOST_BYTES = 1 << 30
"""Of memory."""


def answers_to(request: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Pattern by pattern, until one gives no number."""
    try:
        output = _read(request["path"])
        for metric, pattern in request["patterns"]:
            yield {"number": metric_from_pattern(metric, pattern, output)}
    except InvalidMetrics as error:
        yield {"error": str(error)}
    except OSError as error:
        yield {"error": f"the output cannot be searched: {error.strerror}"}
    except MemoryError:
        yield {"error": f"searching the output needs more than {MOST_BYTES >> 30} GiB of memory"}


def _read(path: str) -> str:
    """A stream's file, which is bounded; nothing was printed when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def main() -> None:
    """Answer until nobody asks any more."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        for answer in answers_to(json.loads(line)):
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
