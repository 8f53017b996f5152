"""Right files become the spec they describe; a spec survives being written and read."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.states import Cause
from orchestrator.spec.criterion import Criterion, TopShare
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.reading import read_experiment
from orchestrator.spec.space import Choices, FloatRange, IntegerRange
from tests.unit.spec.files import MINIMAL, RIGHT, SPECS, problems_of, read, warnings_of


def test_a_minimal_file_has_all_defaults() -> None:
    """Four lines are an experiment: five random variants a round, five rounds, five at once, one stage called main."""
    spec = read(MINIMAL)

    assert (spec.name, spec.seed, spec.objective, spec.gate) == ("right", None, None, None)
    assert (spec.search.method, spec.search.variants_per_round) == ("random", 5)
    assert (spec.loop.max_rounds, spec.limits.max_parallel, spec.repeats, spec.cases) == (5, 5, 1, ())
    assert [(stage.name, stage.runs_on, stage.timeout_seconds) for stage in spec.stages] == [("main", "process", None)]
    assert spec.stages[0].workdir == str(SPECS / "right")


def test_a_full_file_is_read_as_written() -> None:
    """Every key of the language arrives in the spec."""
    spec = read((SPECS / "right" / "everything.toml").read_bytes())
    first, full, report = spec.stages

    assert (first.timeout_seconds, full.timeout_seconds, report.timeout_seconds) == (9000.0, 60.0, None)
    assert (first.retries.max, first.retries.backoff_seconds) == (2, 1.0)
    assert (first.timeout_factor, report.timeout_factor) == (None, 3.0)
    assert (first.cpus, full.cpus) == (2, 1)
    assert (first.memory_bytes, full.memory_bytes) == (None, 3 * 2**29)
    assert first.retries.on == (Cause.WORKER_LOST, Cause.SIGNALLED)
    assert isinstance(first.promote, Criterion)
    assert isinstance(full.promote, TopShare)
    assert (first.runs_on, full.runs_on, report.after) == ("thread", "isolated", ("filter", "full"))
    assert list(spec.space) == ["rsi", "lookback", "leverage", "kind", "smooth"]
    assert spec.space["rsi"] == Choices(choices=(70, 75, 80))
    assert spec.space["lookback"] == IntegerRange(low=5, high=60, step=5)
    assert spec.space["leverage"] == FloatRange(low=0.1, high=2.0, log=True)
    assert spec.space["smooth"].when == {"kind": ("ema",)}
    assert spec.limits.wall_seconds == 7200.0


@pytest.mark.parametrize("file", [file for file in RIGHT if file.stem.startswith("prune")], ids=lambda file: file.stem)
def test_pruning_survives_being_stored(file: Path) -> None:
    """What the daemon keeps of [prune] reads back as the same, whatever the rule: defaults of other rules do not get into it."""
    spec = read(file.read_bytes())

    assert ExperimentSpec.model_validate_json(spec.model_dump_json(exclude_none=True)) == spec
    assert spec.prune is not None


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [
        ("300000000", 300_000_000),
        ('"1MiB"', 2**20),
        ('"512 MB"', 512_000_000),
        ('"2G"', 2**31),
        ('"0.5GiB"', 2**29),
        ('"2097152B"', 2**21),
        ('"3000kB"', 3_000_000),
    ],
)
def test_sizes_have_binary_and_decimal_units(written: str, size_bytes: int) -> None:
    """With an i, or alone, a unit is binary; with a B only it is decimal."""
    assert read(f'[stage]\ncall = "model:evaluate"\nmemory = {written}\n').stages[0].memory_bytes == size_bytes


def test_another_interpreter_makes_a_stage_isolated() -> None:
    """Unless another executor is asked for, `python` means a process of its own for every evaluation."""
    (stage,) = read('[stage]\ncall = "model:evaluate"\npython = "python3.9"\n').stages

    assert (stage.runs_on, stage.python) == ("isolated", "python3.9")


@pytest.mark.parametrize(
    ("space", "method"),
    [
        ("x = [1, 2]", "grid"),
        ("x = { low = 1, high = 3 }", "grid"),
        ("x = { low = 1.0, high = 3.0 }", "random"),
        ("", "grid"),
    ],
)
def test_the_default_method_follows_the_space(space: str, method: str) -> None:
    """Without a method it is a grid when every parameter is finite, else random."""
    assert read(f'[stage]\ncall = "model:evaluate"\n[space]\n{space}\n').search.method == method


def test_whole_numbers_stay_whole() -> None:
    """A range is of whole numbers only when all its numbers are whole; choices keep their types."""
    spec = read(
        '[stage]\ncall = "m:f"\n[space]\na = { low = 1, high = 5 }\nb = { low = 1, high = 5.0 }\n'
        "c = { low = 1, high = 5, step = 0.5 }\nd = [1, 1.0, true, 1]\n"
    )

    assert [type(parameter).__name__ for parameter in spec.space.values()] == [
        "IntegerRange",
        "FloatRange",
        "FloatRange",
        "Choices",
    ]
    assert repr(spec.space["d"].choices if isinstance(spec.space["d"], Choices) else None) == "(1, 1.0, True)"


def test_negative_zero_becomes_zero() -> None:
    """-0.0 is 0.0 wherever it stands."""
    spec = read('[stage]\ncall = "m:f"\narguments = { a = -0.0 }\n[space]\nx = { low = -0.0, high = 1.0 }\n')

    assert repr((spec.stages[0].arguments["a"], spec.space["x"].model_dump()["low"])) == "(0.0, 0.0)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"60s"', 60),
        ('"1.5h"', 5400),
        ('"2h30m"', 9000),
        ('"1d 2h"', 93600),
        ('"250ms"', 0.25),
        ("90", 90),
        ("0.5", 0.5),
    ],
)
def test_durations_are_text_with_units_or_seconds(text: str, seconds: float) -> None:
    """A duration is a number of seconds or numbers with units, largest first."""
    assert read(MINIMAL, f"limits.wall={text}").limits.wall_seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("rsi-sweep", "rsi-sweep"),
        ("12", "experiment-12"),
        ("Größe 3", "Größe 3"),
        ("a\tb", "a_b"),
        ("-x", "x"),
        ("", "experiment"),
    ],
)
def test_the_default_name_is_the_folders(tmp_path: Path, folder: str, name: str) -> None:
    """Without a name it is the folder's, as far as that can be a name."""
    place = tmp_path / folder if folder else Path("/")
    place.mkdir(exist_ok=True)

    assert read_experiment(MINIMAL, folder=place).spec.name == name


def test_names_of_any_script_are_names() -> None:
    """Parameters, cases and experiments may be called in any language."""
    spec = read(
        'name = "試験 α"\ncases = ["früh"]\n[stage]\ncommand = ["true", "{größe}"]\n[space]\ngröße = [1]\n'.replace(
            "größe =", '"größe" ='
        )
    )

    assert (spec.name, list(spec.space)) == ("試験 α", ["größe"])


def test_a_byte_order_mark_is_no_mistake() -> None:
    """A file some editors save with a byte order mark is read like one without."""
    assert read(b"\xef\xbb\xbf" + MINIMAL.encode()) == read(MINIMAL)


def test_registered_executors_are_accepted() -> None:
    """A name that the caller says is installed can be asked for; another cannot."""
    read_experiment(MINIMAL, folder=SPECS, overrides=["stage.executor=slurm"], executors=("process", "slurm"))

    assert [problem.where for problem in problems_of(MINIMAL, "stage.executor=slurm")] == ["stage.main.executor"]


def test_what_is_odd_is_a_warning() -> None:
    """Things without effect are told and do not refuse the file."""
    text = (
        '[stage]\ncommand = ["true", "{a}"]\nexecutor = "thread"\npromote = { top = 0.5 }\n[space]\n'
        "a = [1, 2, 1]\nb = { low = 0, high = 10, step = 4 }\nc = { choices = [1, 2], when = { a = 1 } }\n"
    )

    assert warnings_of(text) == [
        ("stage.main.promote", "has no effect: no stage comes after this one"),
        ("stage.main.executor", "has no effect: commands are always isolated"),
        ("space.b", "no command uses {b}; it is only in the file ORC_PARAMS names"),
        ("space.c", "no command uses {c}; it is only in the file ORC_PARAMS names"),
        ("space.a", "has 1 more than once; it counts once"),
        ("space.b", "its steps of 4 end at 8, not at high = 10"),
    ]


@pytest.mark.parametrize(
    ("search", "where"),
    [
        ('method = "grid"\nvariants = 2', ["search.variants"]),
        ('method = "grid"\nvariants = 6', []),
        ('method = "list"\nparams = [{ a = 1, b = 1 }, { a = 2, b = 1 }]\nvariants = 1', ["search.variants"]),
        ('method = "random"\nvariants = 2', []),
    ],
)
def test_what_a_count_leaves_out_of_a_grid_or_a_list_is_a_warning(search: str, where: list[str]) -> None:
    """They are proposed in one round: the others never are."""
    text = f'[stage]\ncall = "m:f"\n[space]\na = [1, 2, 3]\nb = [1, 2]\n[search]\n{search}\n'

    assert [place for place, _ in warnings_of(text)] == where


def test_a_placeholder_that_can_be_empty_is_a_warning() -> None:
    """A conditional parameter in a command is told about."""
    text = '[stage]\ncommand = "true {a} {c}"\n[space]\na = [1, 2]\nc = { choices = [1, 2], when = { a = 1 } }\n'

    assert [where for where, message in warnings_of(text) if "placeholder is then empty" in message] == ["space.c"]


def survives(spec: ExperimentSpec) -> bool:
    """Whether the spec is the same after JSON, and when its own dump is read as a file's content."""
    dump = json.loads(json.dumps(spec.model_dump(mode="json")))
    return ExperimentSpec.model_validate(dump) == spec == read(dump) and list(read(dump).space) == list(spec.space)


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_a_spec_survives_json(file: Path) -> None:
    """A dump validates to an equal spec, and is itself a valid experiment that reads to the same."""
    assert survives(read(file.read_bytes()))


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_data_reads_like_its_text(file: Path) -> None:
    """A dictionary gives the same spec as the TOML text it came from."""
    text = file.read_text(encoding="utf-8")

    assert read(tomllib.loads(text)) == read(text)


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: number + 0.0)
SCALARS = st.text(st.characters(codec="utf-8"), max_size=5) | st.integers(-(2**63), 2**63 - 1) | NUMBERS | st.booleans()
RANGES = (
    st.tuples(NUMBERS, NUMBERS)
    .filter(lambda pair: pair[0] < pair[1])
    .map(lambda pair: {"low": pair[0], "high": pair[1]})
)
PARAMETERS = (
    st.lists(SCALARS, min_size=1, max_size=4)
    | RANGES
    | st.fixed_dictionaries(
        {"low": st.integers(-5, 5), "high": st.integers(6, 20)},
        optional={"step": st.integers(1, 1), "log": st.just(False)},
    )
)
STAGES = st.fixed_dictionaries(
    {"call": st.just("model:evaluate")},
    optional={
        "timeout": st.sampled_from(["3s", 5, 0.1, "2h30m"]),
        "retries": st.fixed_dictionaries({"max": st.integers(0, 5)}, optional={"on": st.just(["raised"])}),
        "arguments": st.dictionaries(st.text("abc", min_size=3), st.recursive(SCALARS, st.lists), max_size=3),
        "env": st.dictionaries(st.text("ABC", min_size=1), st.text("xyz")),
        "executor": st.sampled_from(["adaptive", "thread", "sequential"]),
    },
)
EXPERIMENTS = st.fixed_dictionaries(
    {"stage": STAGES, "space": st.dictionaries(st.text("pqrs", min_size=1, max_size=2), PARAMETERS, max_size=4)},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "cases": st.lists(st.text("12-", min_size=1, max_size=4), unique=True, max_size=3),
        "repeats": st.integers(1, 9),
        "search": st.just({"method": "random", "variants": 3}),
        "limits": st.fixed_dictionaries({}, optional={"wall": st.just("2h"), "max_failures": st.just({"ratio": 0.5})}),
    },
)


@given(EXPERIMENTS)
def test_any_spec_survives_json(content: dict[str, Any]) -> None:
    """Whatever experiment is read, its dump gives an equal one."""
    content.setdefault("search", {"method": "random"})

    assert survives(read(content))


@pytest.mark.parametrize(("memory", "warned"), [("20MiB", True), ("32MiB", False)])
def test_a_limit_below_what_python_needs_is_a_warning(memory: str, warned: bool) -> None:
    """It is no mistake, as a command may need less; a callable hardly can."""
    found = warnings_of(f'[stage]\ncall = "model:evaluate"\nmemory = "{memory}"\n')
    assert [where for where, _ in found] == ["stage.main.memory"] * warned
    assert warnings_of(f'[stage]\ncommand = ["true"]\nmemory = "{memory}"\n') == []
