"""`--set KEY=VALUE`."""

import pytest

from tests.unit.spec.files import MINIMAL, problems_of, read

TWO_STAGES = """
[[stage]]
name = "a"
call = "model:evaluate"
env = { ONE = "1" }
[[stage]]
name = "b"
call = "model:evaluate"
[space]
x = { low = -5.0, high = 5.0 }
[[gate.criterion]]
metric = "m"
op = ">="
threshold = 1
"""


def test_a_missing_table_is_made() -> None:
    """A key of a table the file does not have is set, its value read as TOML."""
    spec = read(MINIMAL, "limits.max_parallel=2", "search.variants = 7")

    assert (spec.limits.max_parallel, spec.search.variants) == (2, 7)


def test_a_key_of_stage_means_every_stage() -> None:
    """`stage.KEY` sets the key of all stages; what is not TOML is text."""
    assert [stage.executor for stage in read(TWO_STAGES, "stage.executor=thread").stages] == ["thread", "thread"]


def test_a_name_of_a_stage_means_that_stage() -> None:
    """`stage.NAME.KEY` sets one stage's key, also below a table it does not have yet."""
    first, second = read(TWO_STAGES, "stage.b.timeout=1.5h", 'stage.b.env.TWO="2"').stages

    assert (first.timeout_seconds, second.timeout_seconds) == (None, 5400.0)
    assert (first.env, second.env) == ({"ONE": "1"}, {"TWO": "2"})


def test_a_stage_can_come_from_overrides_alone() -> None:
    """A file without a stage gets one from `stage.KEY`."""
    assert read("[space]\nx = [1]\n", "stage.call=model:evaluate").stages[0].call == "model:evaluate"


def test_positions_lead_into_lists() -> None:
    """A number in the path is a position in a list."""
    spec = read(TWO_STAGES, "gate.criterion.0.threshold=2.5")

    assert spec.gate is not None
    assert spec.gate.criterion[0].threshold == 2.5


def test_the_later_override_wins() -> None:
    """Overrides are applied in order."""
    assert read(MINIMAL, "seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("name=sweep", "sweep"),
        ('name="sweep 2"', "sweep 2"),
        ("name=a=b", "a=b"),
        ("name=x\nseed = 3", None),
    ],
)
def test_what_is_no_toml_value_is_text(override: str, expected: str | None) -> None:
    """A value that is not TOML is taken as text, and no value can smuggle in a second key."""
    if expected is None:
        assert [problem.where for problem in problems_of(MINIMAL, override)] == ["name"]
    else:
        assert read(MINIMAL, override).name == expected


def test_quoted_parts_of_a_key_are_read_as_toml_reads_them() -> None:
    """A part in quotes may hold a dot."""
    assert read(MINIMAL, 'stage.arguments."a.b"=1').stages[0].arguments == {"a.b": 1}


@pytest.mark.parametrize(
    ("override", "where", "part"),
    [
        ("limts.max_parallel=2", "limts", 'did you mean "limits"? (from --set limts.max_parallel=2)'),
        ("limits.max_paralel=2", "limits.max_paralel", "(from --set limits.max_paralel=2)"),
        ("limits.max_parallel=two", "limits.max_parallel", 'found "two" (text) (from --set'),
        ("space.x.low=9.0", "space.x", "low must be less than high; found low = 9.0 and high = 5.0 (from --set"),
        (
            "stage.c.timeout=3",
            "stage.c.timeout",
            'no stage and no key of a stage is called "c"; the stages are: a, b',
        ),
        (
            "stage.timeot.call=3",
            "stage.timeot.call",
            'is called "timeot"; did you mean "timeout"? The stages are: a, b',
        ),
        ("stage.timout=3", "stage.a.timout", 'did you mean "timeout"? (from --set stage.timout=3)'),
        ("stage=3", "stage", "use stage.KEY=VALUE for every stage"),
        ("name.first=3", "name.first", "--set name.first=3"),
        ("gate.criterion.7.op=>", "gate.criterion.7.op", 'there is no "7" in a list'),
        ("seed=nan", "seed", "must be a finite number; found nan"),
        ("seed", "--set", "must be KEY=VALUE"),
        ("=3", "--set", "must be KEY=VALUE"),
        ("a..b=3", "--set", "must be KEY=VALUE"),
        ('"a=3', "--set", "must be KEY=VALUE"),
    ],
)
def test_a_wrong_override_is_named(override: str, where: str, part: str) -> None:
    """What is wrong because of `--set` is reported at its place with the text of the override."""
    problems = problems_of('name = "n"\n' + TWO_STAGES, override)

    assert problems[0].where == where
    assert part in problems[0].message
    assert override.partition("=")[0] in problems[0].message or where == "seed"
