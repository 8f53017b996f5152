"""Claims about what attempts came to."""

import pytest

from orchestrator.domain.outcome import short_error

DUMP = 'killed by SIGSEGV (signal 11)\nFatal Python error: Segmentation fault\n\n  File "isolated_call.py", line 95 in <module>\n'
TRACEBACK = 'Traceback (most recent call last):\n  File "m.py", line 1, in evaluate\nMemoryError: too much\n'


@pytest.mark.parametrize(
    ("cause", "error", "said"),
    [
        ("signalled", DUMP, "killed by SIGSEGV (signal 11)"),
        ("timed_out", "ran longer than 10 s\nerr 9\nerr 10", "ran longer than 10 s"),
        ("out_of_memory", "it held 2 GiB\nepoch 7", "it held 2 GiB"),
        ("out_of_memory", TRACEBACK, "MemoryError: too much"),
        ("raised", TRACEBACK, "MemoryError: too much"),
        ("raised", TRACEBACK.replace("too much", "too\nmuch\n  in all"), "MemoryError: too …"),
        ("raised", "KeyError: 1\nTraceback of another kind\nnothing", "nothing"),
        (
            "raised",
            f"{TRACEBACK}\nDuring handling of it:\n\n{TRACEBACK}".replace("too much", "one\ntwo"),
            "MemoryError: one …",
        ),
        (
            "raised",
            "Traceback (most recent call last):\n  File 'm.py', line 1\n    x\n\nSyntaxError: no",
            "SyntaxError: no",
        ),
        ("exited", "exited with status 1\nsolve: no such depth", "solve: no such depth"),
        ("worker_lost", None, ""),
        ("exited", " \n", ""),
    ],
)
def test_an_error_comes_down_to_the_line_that_says_what_happened(cause: str, error: str | None, said: str) -> None:
    """Of what was killed it is how, not what it happened to have printed last; of what failed by itself its last line."""
    assert short_error(error, cause) == said
