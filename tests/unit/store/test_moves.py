"""Claims about moves: only those of the table, only from the expected state, refused with the history, made in one place."""

import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.states import (
    ENDED_EXPERIMENT,
    ENDED_ITERATION,
    ENDED_VARIANT,
    EXPERIMENT_MOVES,
    ITERATION_MOVES,
    VARIANT_MOVES,
    ExperimentState,
    IterationState,
    VariantState,
    sources,
)
from orchestrator.errors import Conflict, IllegalMove, NotFound
from orchestrator.store.changes.experiments import MoveExperiment, RemoveExperiment
from orchestrator.store.changes.pauses import ResumeExperiment
from orchestrator.store.changes.rounds import DecideRound, Decision
from orchestrator.store.sql import STATEMENTS
from orchestrator.store.store import Store, open_store
from tests.support.house import PACKAGE
from tests.support.records import add_experiment, end, rows, start, submission

TABLES = ("experiment", "variant", "iteration", "attempt", "event", "decision", "round", "proposal")
asynchronous = pytest.mark.asyncio


async def everything(store: Store) -> list[list[tuple[object, ...]]]:
    """All rows of all tables."""
    return [await rows(store, f"SELECT * FROM {table}") for table in TABLES]


@asynchronous
async def test_an_illegal_move_of_an_iteration_tells_its_history_and_changes_nothing(tmp_path: Path) -> None:
    """Ending iterations of which one is not running is refused with that one's state and attempts; no row of any table changes."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await add_experiment(store, variants=2)
        await store.writer.write(start(experiment, [(1, 1), (2, 1)]))
        await store.writer.write(end(experiment, {(1, 1): IterationState.FAILED}, variants={1: VariantState.FAILED}))
        before = await everything(store)
        both = end(experiment, {(1, 1): IterationState.SUCCEEDED, (2, 1): IterationState.SUCCEEDED}, attempt=2)
        with pytest.raises(IllegalMove) as caught:
            await store.writer.write(both)

        assert "1 iterations of 1 are not running" in caught.value.message
        assert "'1.1.1'" in caught.value.message
        assert "1 failed raised" in caught.value.message
        assert await everything(store) == before


@asynchronous
async def test_an_illegal_move_of_a_variant_changes_nothing(tmp_path: Path) -> None:
    """A variant that has ended cannot end once more: refused with its state, and the end of another's iteration is not kept either."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await add_experiment(store, variants=2)
        await store.writer.write(start(experiment, [(1, 1), (2, 1)]))
        await store.writer.write(
            end(experiment, {(1, 1): IterationState.SUCCEEDED}, variants={1: VariantState.EVALUATED})
        )
        before = await everything(store)
        wrong = end(experiment, {(2, 1): IterationState.SUCCEEDED}, variants={1: VariantState.FAILED})
        with pytest.raises(IllegalMove, match=r"1\.1.*evaluated"):
            await store.writer.write(wrong)

        assert await everything(store) == before


@asynchronous
@pytest.mark.parametrize("target", ExperimentState)
async def test_an_experiment_moves_as_the_table_says(tmp_path: Path, target: ExperimentState) -> None:
    """From queued an experiment goes where the table says; every other move is refused and named, and changes nothing."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment, _ = await store.writer.write(submission())
        before = await everything(store)
        move = MoveExperiment(experiment=experiment, target=target)
        if target in EXPERIMENT_MOVES[ExperimentState.QUEUED]:
            assert await store.writer.write(move) is ExperimentState.QUEUED
            assert await rows(store, "SELECT state FROM experiment") == [(target,)]
        else:
            said = " already" if target is ExperimentState.QUEUED else f": it cannot become {target}"
            with pytest.raises(IllegalMove, match=f"is queued{said}"):
                await store.writer.write(move)
            assert await everything(store) == before


@asynchronous
async def test_a_round_cannot_end_an_experiment_that_is_paused(tmp_path: Path) -> None:
    """A decision that would end a paused experiment is refused together with the decision's own row."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await add_experiment(store)
        await store.writer.write(MoveExperiment(experiment=experiment, target=ExperimentState.PAUSED))
        before = await everything(store)
        decision = Decision(kind="decide", rule="exhausted", message="over", inputs={}, result={})
        ending = DecideRound(
            experiment=experiment, round=1, decision=decision, end_state=ExperimentState.SUCCEEDED, next_approach="main"
        )
        with pytest.raises(IllegalMove):
            await store.writer.write(ending)

        assert await everything(store) == before


@asynchronous
async def test_a_pause_leads_back_to_where_it_was(tmp_path: Path) -> None:
    """An experiment that had not begun is queued again after a pause, one that had is running; what is not paused refuses."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        fresh, _ = await store.writer.write(submission())
        begun = await add_experiment(store)
        for experiment in (fresh, begun):
            await store.writer.write(MoveExperiment(experiment=experiment, target=ExperimentState.PAUSED))

        assert await store.writer.write(ResumeExperiment(experiment=fresh)) is ExperimentState.QUEUED
        assert await store.writer.write(ResumeExperiment(experiment=begun)) is ExperimentState.RUNNING
        with pytest.raises(Conflict, match="is running, not paused"):
            await store.writer.write(ResumeExperiment(experiment=begun))


@asynchronous
async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    """Moving, resuming or removing an experiment that does not exist says so."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        for change in (
            MoveExperiment(experiment=9, target=ExperimentState.PAUSED),
            ResumeExperiment(experiment=9),
            RemoveExperiment(experiment=9),
        ):
            with pytest.raises(NotFound, match="no experiment 9"):
                await store.writer.write(change)


LISTED: dict[str, tuple[Any, set[Any], Any]] = {
    "drop_iterations": (ITERATION_MOVES, {IterationState.QUEUED}, IterationState.CANCELLED),
    "start_iterations": (ITERATION_MOVES, {IterationState.QUEUED}, IterationState.RUNNING),
    "succeed_iterations": (ITERATION_MOVES, {IterationState.RUNNING}, IterationState.SUCCEEDED),
}
SWEEPS = {
    **LISTED,
    **{f"{name}_of_all": move for name, move in LISTED.items()},
    "cancel_iterations": (ITERATION_MOVES, {IterationState.QUEUED, IterationState.RUNNING}, IterationState.CANCELLED),
    "requeue_lost": (ITERATION_MOVES, {IterationState.RUNNING}, IterationState.QUEUED),
    "cancel_open_variants": (VARIANT_MOVES, {VariantState.PROPOSED, VariantState.EVALUATING}, VariantState.CANCELLED),
}
MOVES = {"move_experiment", "begin_variants", "evaluate_variants", "move_iterations", "move_variants"}
RETRIES = {"retry_iterations", "retry_success", "retry_variants"}


def test_no_other_statement_sets_a_state() -> None:
    """The statements that change a state are the moves, the sweeps and the retries, all known here."""
    setting = {
        name for name, text in STATEMENTS.items() if re.search(r"\bSET\b[^;]*?\bstate = ", text.split("WHERE")[0])
    }

    assert setting == MOVES | SWEEPS.keys() | RETRIES


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_makes_a_legal_move(name: str) -> None:
    """What a sweep does to each of the rows it takes is a move of the table, and its text says that move."""
    table, found, target = SWEEPS[name]

    assert found <= sources(table, target)
    assert f"state = '{target}'" in STATEMENTS[name].split("WHERE")[0]
    assert "state = :source" in STATEMENTS[name] or all(f"state = '{source}'" in STATEMENTS[name] for source in found)


def test_moves_are_made_in_one_file() -> None:
    """Only store/moves.py runs the statements that move one thing to a state it is given."""
    running = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if re.search(rf'run(_rows)?\("({"|".join(MOVES)})"', file.read_text(encoding="utf-8"))
    }

    assert running == {"store/moves.py"}


def test_states_in_the_schema_are_those_of_the_model() -> None:
    """The words a column of states accepts are the members of its enumeration, in any order."""
    script = (PACKAGE / "store" / "migrations" / "001-first.sql").read_text(encoding="utf-8")
    found = [
        set(re.findall(r"'(\w+)'", words))
        for words in re.findall(r"\bstate TEXT NOT NULL CHECK \((state = .*)\)", script)
    ]

    assert found == [set(map(str, states)) for states in (ExperimentState, VariantState, IterationState)]


def test_what_a_column_accepts_is_compared_word_by_word() -> None:
    """SQLite fills a table of its own from the words of `x IN (…)` in a CHECK for each row it writes: that took a fifth of all writing."""
    scripts = "".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "store" / "migrations").glob("*.sql"))
    lists = re.findall(r"CHECK \(\s*\w+ IN \(([^)]*)\)", scripts)

    assert [words for words in lists if words.count(",") > 1] == []


def test_final_states_are_known_to_the_statements_that_name_them() -> None:
    """Statements that list what has ended, or what is open, list all of it."""
    assert set(re.findall(r"'(\w+)'", STATEMENTS["cases"])) == set(map(str, ENDED_ITERATION))
    assert set(re.findall(r"'(\w+)'", STATEMENTS["round_progress"])) == set(map(str, set(VariantState) - ENDED_VARIANT))
    assert len(ENDED_EXPERIMENT) == 4
