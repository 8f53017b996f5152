"""Claims about refusals."""

from collections.abc import Iterator

import pytest

from orchestrator.api.answers import encode
from orchestrator.api.problems import STATUS, answer_body, internal_answer
from orchestrator.errors import OrchestratorError, Problem


def every_error(kind: type[OrchestratorError] = OrchestratorError) -> Iterator[type[OrchestratorError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=str))
def test_every_error_has_a_status(kind: type[OrchestratorError]) -> None:
    """No error's code is missing from the table."""
    assert kind.code in STATUS


def test_refusal_has_its_four_keys() -> None:
    """The body is `error` with code, message, hint and problems, whatever is given."""
    assert answer_body("conflict", "no", problems=[Problem("a.b", "is wrong")]) == {
        "error": {
            "code": "conflict",
            "message": "no",
            "hint": None,
            "problems": [{"where": "a.b", "message": "is wrong"}],
        }
    }


def test_defect_shows_nothing_of_itself() -> None:
    """The answer to an internal error says where to look and holds no traceback."""
    answer = internal_answer()
    assert answer.status_code == 500
    assert b"journalctl" in bytes(answer.body)
    assert b"Traceback" not in bytes(answer.body)


def test_half_a_surrogate_pair_becomes_its_escape() -> None:
    """What UTF-8 cannot hold is written as JSON's own escape instead of failing."""
    assert encode({"a": "ü\ud800"}) == '{"a":"ü\\ud800"}'.encode()
