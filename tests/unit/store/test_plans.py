"""Claims about how statements find their rows: by index, however large the tables are."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.store import sql
from orchestrator.store.sql import STATEMENTS, for_rows, read_statements

MANY = 256  # rows in one step, as the writer sends them
LARGE = ("variant", "iteration", "attempt", "proposal", "report", "event", "experiment")


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """An empty database: the plans come from the statistics of the schema, not from what is in the tables."""
    with closing(sqlite3.connect(":memory:")) as found:
        for _, script in sql.migrations():
            found.executescript(script)
        found.execute("ANALYZE sqlite_schema")  # what opening a file does: reads the statistics that are in it
        yield found


def plan(connection: sqlite3.Connection, name: str) -> list[str]:
    """How SQLite would find the rows of a named statement; one over many rows is asked with as many as are sent."""
    statement = STATEMENTS[name]
    listed = re.search(r"\(([^()]*)\)\s*(?:AS \()?VALUES :rows", statement)
    if listed:
        width = listed[1].count(",") + 1
        shared = int("?1" in statement)
        rows = for_rows(name, shared=shared, width=width, count=MANY)
        found = connection.execute(f"EXPLAIN QUERY PLAN {rows}", [1] * (shared + width * MANY))
    else:
        names = set(re.findall(r":(\w+)", statement))
        values = dict.fromkeys(names, 1) | ({"rows": "[]"} if "rows" in names else {})
        found = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in found]


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_nothing_is_built_from_a_whole_table_on_the_way(connection: sqlite3.Connection, name: str) -> None:
    """No statement fills a Bloom filter or an index of its own first: that goes through all rows of an experiment, each time."""
    assert [step for step in plan(connection, name) if re.search(r"BLOOM FILTER|AUTOMATIC", step)] == []


def aliases(statement: str) -> set[str]:
    """The names under which the statement speaks of large tables."""
    found = re.findall(rf"\b({'|'.join(LARGE)})\b(?: AS (\w+))?", statement)
    return {name for pair in found for name in pair if name}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_reads_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    """Every statement looks rows of large tables up, in an index or by key; none goes through all rows of all experiments."""
    statement = STATEMENTS[name]
    scans = [
        step
        for step in plan(connection, name)
        if (found := re.match(r"SCAN (\w+)", step)) and found[1] in aliases(statement)
    ]

    assert [step for step in scans if "INDEX" not in step] == []


@pytest.mark.parametrize(
    "name",
    [
        "move_iterations",
        "move_variants",
        "begin_variants",
        "evaluate_variants",
        "start_iterations",
        "start_iterations_of_all",
        "succeed_iterations",
        "succeed_iterations_of_all",
        "score_variants",
        "select_variants",
        "known_variants",
        "open_variants",
    ],
)
def test_rows_of_a_batch_are_looked_up_one_by_one(connection: sqlite3.Connection, name: str) -> None:
    """Moving ten rows costs ten look-ups by experiment and number, not a walk over the experiment's rows."""
    steps = plan(connection, name)
    searches = [step for step in steps if step.startswith("SEARCH")]

    assert searches
    assert not [step for step in steps if re.match(r"SCAN (variant|iteration)\b", step)]
    assert any(re.search(r"experiment=\? AND (number|variant|hash)[=>]", step) for step in searches), steps


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("ranked", "variant_ranked"),
        ("ungated_variants", "variant_ungated"),
        ("open_variants", "variant_open"),
        ("running_iterations", "iteration_running"),
        ("requeue_lost", "iteration_running"),
        ("lose_attempts", "iteration_running"),
        ("experiments_with_lost", "iteration_running"),
        ("open_experiments", "experiment_open"),
        ("retry_iterations", "iteration_to_retry"),
        ("retry_variants", "iteration_to_retry"),
        ("deselect_variants", "variant_selected"),
        ("selected_count", "variant_selected"),
        ("resolve_name", "experiment_by_name"),
        ("experiment_rows", "variant_ranked"),
    ],
)
def test_a_partial_index_serves_what_it_was_made_for(connection: sqlite3.Connection, name: str, index: str) -> None:
    """What is open, ranked, selected or not yet judged is found without meeting a row that is not."""
    assert any(index in step for step in plan(connection, name))


@pytest.mark.parametrize(
    "name", ["ranked", "open_variants", "variant_rows", "event_rows", "experiment_rows", "ungated_variants"]
)
def test_a_page_needs_no_sorting(connection: sqlite3.Connection, name: str) -> None:
    """A page is read in the order it is given: nothing is sorted first, so that the first page is not the cost of all."""
    assert not [step for step in plan(connection, name) if "TEMP B-TREE" in step]


def test_every_statement_is_used() -> None:
    """Each named statement is run by some file of the package."""
    package = Path(sql.__file__).parents[1]
    text = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))

    assert [name for name in STATEMENTS if f'"{name}"' not in text] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- a --\n-- says it\nSELECT 1;\n-- a --\n-- again\nSELECT 2;\n", "statement a stands twice"),
        ("-- a --\nSELECT 1;\n", "statement a says nothing about itself"),
        ("-- a --\n", "statement a says nothing about itself"),
    ],
)
def test_a_statement_without_a_sentence_or_twice_is_refused(text: str, message: str) -> None:
    """Statement files are read strictly: each name once, each with its sentence."""
    with pytest.raises(ValueError, match=message):
        read_statements(text)


def test_a_statement_is_read_without_its_comments() -> None:
    """What is run is the statement alone."""
    text = "-- b --\n-- What it does.\n-- And more.\nSELECT 1\nFROM x;\n"

    assert read_statements(text) == {"b": "SELECT 1\nFROM x"}
