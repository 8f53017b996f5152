"""The rules of the house, held by machine. What breaks one is listed with its file and line."""

import ast
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.support import house
from tests.support.house import PACKAGE, ROOT, Source
from tests.support.state_picture import picture

EVERYWHERE: list[Callable[[Source], Iterable[str]]] = [
    house.long_files,
    house.long_functions,
    house.closed_doors,
    house.unfinished,
]
IN_THE_PACKAGE: list[Callable[[Source], Iterable[str]]] = [
    house.many_parameters,
    house.wide_classes,
    house.hidden_imports,
    house.machine_paths,
    house.loose_tasks,
    house.swallowed_errors,
]
IN_TESTS: list[Callable[[Source], Iterable[str]]] = [
    house.tests_that_claim_nothing,
    house.sleeping_or_mocking,
]

# Only the standard library, and these rooms (floors 0 to 2); the rest of the floors is for import-linter.
STANDARD_LIBRARY_ONLY = {
    "worker": frozenset({"orchestrator.worker"}),
    "domain": frozenset({"orchestrator.domain", "orchestrator.errors"}),
    "places": frozenset({"orchestrator.places", "orchestrator.errors"}),
    "locks": frozenset({"orchestrator.locks", "orchestrator.errors", "orchestrator.worker"}),
    "client": frozenset({"orchestrator"}),
    "workloads/pipeline": frozenset(
        {"orchestrator.workloads.pipeline", "orchestrator.errors", "orchestrator.domain", "orchestrator.worker"}
    ),
}

VERBS_WITHOUT_A_ROUTE = {
    "compare": "reads the variants one by one through show",
    "completion": "prints a script for a shell",
    "daemon": "is the daemon",
    "lock": "holds a lock while a command runs, also without a daemon",
    "locks": "reads the lock files, also without a daemon",
    "init": "writes an experiment file to begin with",
    "profile": "submits the same experiment again and again, and reads reports",
    "run": "submits and follows progress",
    "watch": "follows progress",
}
ROUTES_WITHOUT_A_VERB = {
    "health": "for systemd, monitors and load balancers",
    "progress": "what run and watch draw",
}


def expect_none(rows: list[str]) -> None:
    """Fail with every row on a line of its own, ready to jump to."""
    assert not rows, "\n" + "\n".join(rows)


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Callable[[Source], Iterable[str]]) -> None:
    """No Python file of ours, tests and benchmarks included, breaks a rule of size and shape."""
    expect_none(house.broken(rule, house.sources()))


@pytest.mark.parametrize("rule", IN_THE_PACKAGE, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Callable[[Source], Iterable[str]]) -> None:
    """No file of the package, the examples or the benchmarks breaks a rule for code that people run."""
    expect_none(house.broken(rule, house.under("orchestrator", "examples", "benchmarks")))


@pytest.mark.parametrize("rule", IN_TESTS, ids=lambda rule: rule.__name__)
def test_tests_are_claims(rule: Callable[[Source], Iterable[str]]) -> None:
    """Every test says what it claims and asserts it, without sleeping and without doubles of our own code."""
    expect_none(house.broken(rule, house.under("tests")))


def test_a_folder_of_the_package_is_a_room_with_a_door() -> None:
    """Every folder with Python files has an `__init__.py`, so that its docstring can say what is inside."""
    folders = {file.parent for file in PACKAGE.rglob("*.py")}

    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_deciding_is_plain() -> None:
    """Facts, generators, gates and selectors neither await nor look at a clock nor draw from global randomness."""
    deciding = house.under("orchestrator/domain", "orchestrator/search")

    assert deciding
    expect_none(house.broken(house.waiting_or_chance, deciding))


@pytest.mark.parametrize("room", STANDARD_LIBRARY_ONLY)
def test_the_room_needs_the_standard_library_only(room: str) -> None:
    """What starts in milliseconds, or runs under any interpreter, imports no library."""
    allowed = STANDARD_LIBRARY_ONLY[room]
    found = house.under(f"orchestrator/{room}")

    assert found
    expect_none(house.broken(lambda source: house.foreign_imports(source, allowed), found))


def test_workers_are_written_for_python_3_9() -> None:
    """The code that runs beside user code uses no syntax, and no dataclass option, that CPython 3.9 lacks."""
    found = house.under("orchestrator/worker")
    newer = re.compile(r"@dataclass\([^)]*\b(slots|kw_only)\b|\bimport tomllib\b|\bStrEnum\b")

    for source in found:
        ast.parse(source.text, filename=source.path, feature_version=(3, 9))
    assert [source.path for source in found if newer.search(source.text)] == []


def test_a_verb_is_a_file_of_the_same_name_in_three_places() -> None:
    """Each verb has a command and an acceptance test, and each has a route unless the table here says why not."""
    commands = names(PACKAGE / "cli" / "commands")
    routes = names(PACKAGE / "api" / "routes")
    acceptance = {
        name.removeprefix("test_") for name in names(ROOT / "tests" / "acceptance") if name.startswith("test_")
    }

    assert commands - routes == VERBS_WITHOUT_A_ROUTE.keys()
    assert routes - commands == ROUTES_WITHOUT_A_VERB.keys()
    assert sorted(commands - acceptance) == []


def names(folder: Path) -> set[str]:
    """The public modules of a folder; a module that starts with an underscore is shared by its neighbours."""
    return {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}


def test_the_readme_draws_the_states_as_they_are() -> None:
    """The pictures in the README are what the tables of domain/states.py give."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert picture() in readme


def test_every_state_has_a_sentence() -> None:
    """Each member of the enumerations in domain/states.py says on its line what it means."""
    lines = (PACKAGE / "domain" / "states.py").read_text(encoding="utf-8").splitlines()
    members = [line for line in lines if re.match(r"    [A-Z_]+ = \"", line)]

    assert members
    assert [line.strip() for line in members if not re.search(r"  # \w.{8,}$", line)] == []


def test_every_ignored_rule_has_its_reason() -> None:
    """A style rule that is off says why on its own line of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = re.findall(r"^    \"[A-Z]+[0-9]*\",.*$", text, flags=re.MULTILINE)

    assert ignored
    assert [line.strip() for line in ignored if not re.search(r"# \S.{5,}$", line)] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    """docs/decisions holds 001, 002, and so on, each with a title and what was measured."""
    numbers = sorted(int(file.name[:3]) for file in (ROOT / "docs" / "decisions").glob("[0-9][0-9][0-9]-*.md"))

    assert all(later - earlier == 1 for earlier, later in pairwise([0, *numbers]))


def test_the_newcomers_walk_is_as_short_as_the_readme_says() -> None:
    """The files it names exist, and together they have fewer lines than it promises."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    walk = re.search(r"newcomer's walk, under (\d+) lines:(.*?);", readme, flags=re.DOTALL)
    assert walk is not None
    stops = [PACKAGE / name for name in re.findall(r"`([a-z_/]+\.py)`", walk[2])]

    assert stops
    assert sum(len(stop.read_text(encoding="utf-8").splitlines()) for stop in stops) < int(walk[1])


@pytest.mark.filterwarnings("default")
def test_imports_only_go_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every contract in pyproject.toml holds: the floors, and the one room that each library lives in."""
    monkeypatch.chdir(ROOT)

    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0
