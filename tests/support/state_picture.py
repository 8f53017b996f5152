"""Draws the three state machines from their tables: `python -m tests.support.state_picture` prints what the README shows."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from orchestrator.domain import states

State = TypeVar("State", bound=StrEnum)


def picture() -> str:
    """The Mermaid diagram of each machine; arrows in the order of the states."""
    lines = [
        *diagram("Experiment", moves=states.EXPERIMENT_MOVES, retry=states.RETRY_EXPERIMENT),
        *diagram("Variant", moves=states.VARIANT_MOVES, retry=states.RETRY_VARIANT),
        *diagram("Iteration", moves=states.ITERATION_MOVES, retry=states.RETRY_ITERATION),
    ]
    return "\n".join(lines)


def diagram(name: str, *, moves: Mapping[State, frozenset[State]], retry: State) -> Iterator[str]:
    """One machine: where it begins, every legal move, and the moves that only `orc retry` makes."""
    order = list(moves)
    final = [state for state in order if not moves[state]]
    yield f"**{name}**"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    direction LR"
    yield f"    [*] --> {order[0]}"
    for state in order:
        yield from (f"    {state} --> {target}" for target in sorted(moves[state], key=order.index))
    yield from (f"    {state} --> {retry}: retry" for state in final)
    yield "```"


if __name__ == "__main__":
    print(picture())
