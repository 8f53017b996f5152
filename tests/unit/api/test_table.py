"""Claims about the exported table."""

import csv
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api import table


def variant(number: int, params: dict[str, Any], *iterations: dict[str, Any]) -> dict[str, Any]:
    return {"ref": f"12.{number}", "params": params, "iterations": list(iterations)}


def iteration(ref: str, metrics: dict[str, float] | None = None, **more: Any) -> dict[str, Any]:
    plain = {"stage": "main", "case": None, "repeat": 1, "state": "succeeded", "cause": None, "seed": 7}
    timings = {"attempt": 1, "executor": "process", "wall_seconds": 0.5, "cpu_seconds": None, "max_rss_bytes": 9}
    moved = {"queue_seconds": 0.25, "read_bytes": 0, "written_bytes": 512, "output_bytes": None}
    return {"ref": ref, "metrics": metrics, **plain, **timings, **moved, **more}


NAMES = {"params": ["y", "x"], "metrics": ["loss"]}


def test_rows_have_relative_refs_and_sorted_columns() -> None:
    """Refs begin below the experiment; parameters and metrics are sorted, each in its group."""
    layout = table.columns(NAMES, timings=False)
    rows = list(table.rows([variant(3, {"y": 2, "x": 1}, iteration("12.3.1", {"loss": 0.25}))], layout))
    assert layout.names == [*table.FIXED, "param.x", "param.y", "metric.loss"]
    assert rows == [["3.1", "3", "main", None, 1, "succeeded", None, 7, 1, 2, 0.25]]


def test_what_is_missing_is_empty() -> None:
    """A parameter a variant does not have and the metrics of a failed iteration are empty cells."""
    layout = table.columns(NAMES, timings=False)
    text = table.as_csv(table.rows([variant(1, {"x": True}, iteration("12.1.1", None, state="failed"))], layout))
    assert text == b"1.1,1,main,,1,failed,,7,true,,\n"


def test_timings_are_added_at_the_end() -> None:
    """With timings the measured numbers follow; unknown ones are empty."""
    layout = table.columns(NAMES, timings=True)
    assert layout.names[-9:] == list(table.TIMINGS)
    text = table.as_csv(table.rows([variant(1, {}, iteration("12.1.1"))], layout))
    assert text.endswith(b",1,process,0.5,,9,0.25,0,512,\n")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0")), min_size=1, max_size=5))
def test_any_text_survives_csv(cells: list[str]) -> None:
    """Commas, quotes and line feeds in a parameter come back as they were."""
    read = list(csv.reader(io.StringIO(table.as_csv([cells]).decode(), newline="")))
    assert read == [cells] or (cells == [""] and read in ([[]], [[""]]))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_csv(number: float) -> None:
    """A number is written so that the same number is read."""
    assert float(table.as_csv([[number]])) == number
