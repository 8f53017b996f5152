"""How the stages ran, as people see it: every part fits the terminal, and says nothing where there is nothing to say."""

from typing import Any

import pytest

from orchestrator.cli import execution
from orchestrator.cli.text import width
from orchestrator.cli.tree import Drawing

PLAIN = Drawing(colour=False, columns=None)
FIGURES = {
    "wall_seconds": 1.0,
    "concurrency": 1.8,
    "utilisation": {"process": 0.9, "thread": None},
    "workers": {"process": 2, "thread": 4},
    "cpu_efficiency": 0.45,
    "speed_up": 1.8,
    "speed_up_basis": "estimated",
    "critical_path": ["a", "b"],
    "critical_path_seconds": 0.9,
    "headroom": 1.1,
    "queue_share": None,
}


def bar(ref: str, *, started: float, ended: float, **more: Any) -> dict[str, Any]:
    """An attempt on the time line."""
    facts = {
        "stage": "a",
        "executor": "process",
        "state": "succeeded",
        "queue_seconds": 0.0,
        "cpu_seconds": None,
        **more,
    }
    return {"ref": ref, "attempt": 1, "started_seconds": started, "ended_seconds": ended, **facts}


def report(**more: Any) -> dict[str, Any]:
    """A report with this part of it."""
    part = {
        "runs": 4,
        "figures": FIGURES,
        "walls_if_free": {},
        "timeline": [],
        "sla": {"stages": [], "lanes": []},
        "bottlenecks": [],
        "imbalance": None,
        "advice": [],
        "history": {"stages": [], "lanes": []},
        **more,
    }
    return {"iterations": {"total": 4}, "execution": part}


def test_figures_are_sentences_with_their_basis() -> None:
    """A pool that had nothing to do and a share that is not known are not mentioned; an estimate says that it is one."""
    text = "\n".join(execution.figures(report(), drawing=PLAIN))
    assert "4 attempts in 1 s: 1.8 at once on average; 2 processes 90 % busy; the cores 45 % busy" in text
    assert "1.80 times as fast as one after the other (estimated)" in text
    assert "a → b" in text
    assert "thread" not in text
    assert "queue" not in text


def test_a_sequential_run_has_a_process_and_no_pool() -> None:
    """However many slots the daemon has."""
    alone = {**FIGURES, "workers": {"sequential": 1}, "utilisation": {"sequential": 0.97}}
    assert "1 process in turn 97 % busy" in "\n".join(execution.figures(report(figures=alone), drawing=PLAIN))


def test_it_is_told_what_the_whole_would_take_without_a_stage() -> None:
    """Where that saves something; a stage that is all there is would leave nothing."""
    several = report(walls_if_free={"b": 0.4, "a": 0.7, "c": 0.99})
    assert "  free     it would take 0.4 s without b, 0.7 s without a" in execution.figures(several, drawing=PLAIN)
    assert "without" not in "\n".join(execution.figures(report(walls_if_free={"a": 0.0}), drawing=PLAIN))


def test_one_evaluation_has_no_arrangement() -> None:
    """No figures, no time line."""
    lone = report(runs=1, timeline=[bar("1.1", started=0, ended=1)])
    assert execution.figures(lone, drawing=PLAIN) == execution.timeline(lone, drawing=PLAIN) == []


def test_a_bar_shows_when_it_waited_computed_and_waited_for_something_else() -> None:
    """To scale: of two seconds a quarter in the queue, a quarter on the CPU; what failed is drawn differently."""
    bars = [bar("1.1", started=0, ended=2.0), bar("1.2", started=0.5, ended=1.5, queue_seconds=0.5, cpu_seconds=0.5)]
    drawing = Drawing(colour=False, columns=28 + 10 + 40)
    _, first, second, legend = execution.timeline(report(timeline=bars), drawing=drawing)
    assert first.endswith("▒" * 40)
    assert second.endswith("·" * 10 + "█" * 10 + "▒" * 10)
    assert "the whole width is 2 s" in legend
    failed = execution.timeline(report(timeline=[bars[0], {**bars[1], "state": "failed"}]), drawing=drawing)[2]
    assert failed.endswith("·" * 10 + "x" * 20)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_time_line_fits_the_terminal(columns: int) -> None:
    """Also with names as long as they may be."""
    bars = [bar(f"1000.{number}", started=number, ended=number + 3, stage="s" * 90) for number in range(50)]
    lines = execution.timeline(report(timeline=bars), drawing=Drawing(colour=False, columns=columns))
    assert len(lines) == execution.MOST_BARS + 2
    assert all(width(line) <= max(columns, 28 + 10 + execution.LEAST_BAR) for line in lines[:-1])


def test_limits_are_a_table_only_where_there_are_some() -> None:
    """A stage without a limit is not in it; a lane is."""
    row = {"stage": "a", "limit_seconds": 1.0, "p95_seconds": 2.0, "worst_seconds": 3.0, "misses": 1, "runs": 4}
    free = {**row, "stage": "free", "limit_seconds": None, "misses": 0, "worst": None}
    lane = {"lane": "docs", "limit_seconds": 300.0, "wall_seconds": 12.0, "verdict": "met"}
    shown = report(sla={"stages": [{**row, "worst": "missed"}, free], "lanes": [lane]})
    _, headers, first, second = execution.sla(shown, drawing=PLAIN)
    assert headers.split() == ["SLA", "LIMIT", "P95", "LONGEST", "MISSED", "VERDICT"]
    assert first.split() == ["a", "1", "s", "2", "s", "3", "s", "1", "of", "4", "missed"]
    assert second.startswith("lane docs")
    assert execution.sla(report(sla={"stages": [free], "lanes": []}), drawing=PLAIN) == []
    assert execution.missed(shown) == ["stage a: 1 of 4 took longer than 1 s"]


def test_advice_says_what_to_set_and_what_it_is_expected_to_bring() -> None:
    """What is the experiment's can be measured beside it, what is the daemon's cannot; a risk without a gain promises none."""
    change = {"stage.a.executor": "process", "stage.b.executor": "process"}
    gain = {"advice": "Run them apart.", "change": change, "gain": 0.25, "predicted_wall_seconds": 0.75}
    room = {"advice": "Fewer would do.", "change": {"slots": 3}, "gain": None, "predicted_wall_seconds": None}
    risk = {"advice": "Look.", "change": None, "gain": None, "predicted_wall_seconds": None}
    lines = execution.findings(report(advice=[gain, room, risk]), drawing=PLAIN)
    assert lines[2:] == [
        "  → Run them apart. (predicted 0.75 s, 25 % less)",
        "    measure it: orc profile SPEC --try stage.a.executor=process --try stage.b.executor=process",
        "  → Fewer would do.",
        "    slots = 3 belongs into the daemon's settings file, from its next start on; orc profile SPEC before and after it compares",
        "  → Look.",
    ]
    assert execution.findings(report(), drawing=PLAIN) == []


def test_what_has_become_slower_or_faster_is_told_by_name() -> None:
    """Stages and lanes; nothing of what has not surely changed."""
    slower = {"changed": "slower", "ratio": 2.0, "low": 1.9, "high": 2.1, "before_count": 10, "after_count": 5}
    same = {**slower, "changed": None}
    past = {"stages": [{"stage": "a", **same}, {"stage": "b", **slower}], "lanes": [{"lane": "docs", **slower}]}
    lines = execution.findings(report(history=past), drawing=PLAIN)
    told = "has become slower: 2.00 times as long (1.90 to 2.10) in the last 5 experiments of this name as in 10 before them"
    assert lines[2:] == [f"  b {told}", f"  lane docs {told}"]
