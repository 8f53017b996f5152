"""Wrong files get one answer with every problem."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.spec.language import KEYS
from orchestrator.spec.text import LARGEST_TEXT_BYTES
from tests.unit.spec.files import MINIMAL, RIGHT, WRONG, problems_of, read

EXPECTATION = re.compile(r"^# expect (?P<where>.*?) \| (?P<part>.*)$", re.MULTILINE)


def test_there_are_many_wrong_files() -> None:
    """At least fifty kinds of mistake have a file."""
    assert len(WRONG) >= 50


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_a_wrong_file_gets_all_its_problems_and_no_other(file: Path) -> None:
    """Every problem the file announces is reported at its place in its words, and nothing else is reported."""
    expected = [(found["where"], found["part"]) for found in EXPECTATION.finditer(file.read_text(encoding="utf-8"))]

    problems = problems_of(file.read_bytes())

    assert expected
    assert sorted(problem.where for problem in problems) == sorted(where for where, _ in expected)
    for where, part in expected:
        assert any(problem.where == where and part in problem.message for problem in problems), (where, part, problems)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "byte 0xff at offset 8 is not UTF-8 (a binary file?)"),
        (b"a = 1\0", "NUL character"),
        (b"a" * (10 * 1024 * 1024), "is 10485760 bytes long; an experiment file has at most 1 MiB"),
        ("é" * LARGEST_TEXT_BYTES, "at most 1 MiB"),
        ("a = '\udc80'", "half a surrogate pair"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("a" + ".a" * 400_000 + " = 1", "has a dotted key of more than 32 parts"),
        ("seed = " + "9" * 5_000, "is not valid TOML"),
    ],
    ids=["binary", "nul", "10-mib", "long-when-encoded", "surrogate", "deep-lists", "deep-keys", "endless-number"],
)
def test_what_is_no_toml_at_all_is_one_problem_at_the_file(text: bytes | str, part: str) -> None:
    """Text that cannot be read is answered with one problem that names the file and says why."""
    problems = problems_of(text)

    assert [problem.where for problem in problems] == ["experiment.toml"]
    assert part in problems[0].message


def test_data_that_toml_could_not_hold_is_refused() -> None:
    """Data that did not come from TOML is refused where it cannot be stored: wrong keys, depth, objects, half characters."""
    deep: list[object] = []
    for _ in range(100):
        deep = [deep]
    arguments = {"a": deep, "b": {1: 2}, "c": object(), "d": "\ud800"}

    problems = problems_of({"stage": {"call": "model:evaluate", "arguments": arguments}})

    assert [(problem.where.split(".0")[0], problem.message) for problem in problems] == [
        ("stage.main.arguments.a", "is nested too deeply (more than 32 levels)"),
        ("stage.main.arguments.b", "must have text as keys"),
        ("stage.main.arguments.c", "must be text, a number, true, false, a list or a table; found object"),
        ("stage.main.arguments.d", "has half a surrogate pair in it"),
    ]


def test_the_message_counts_the_problems() -> None:
    """The error's own message names the file and how many problems there are."""
    with pytest.raises(InvalidSpec) as caught:
        read("sed = 1\ntgs = 2\n" + MINIMAL)

    assert caught.value.message == "experiment.toml is not a valid experiment: 2 problems"


def test_a_hundred_problems_are_enough() -> None:
    """A file with thousands of mistakes is answered with the first hundred."""
    text = MINIMAL + "".join(f"p{number} = 5\n" for number in range(900))

    assert len(problems_of(text)) == 100


def test_a_grid_beyond_all_numbers_is_refused_in_words() -> None:
    """A number of points too long to print is not printed."""
    space = {f"x{number}": {"low": -(2**63), "high": 2**63 - 1} for number in range(400)}

    problems = problems_of({"stage": {"call": "model:evaluate"}, "space": space})

    assert [problem.where for problem in problems] == ["search.method"]
    assert "more than 10^18 points" in problems[0].message


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(content: bytes) -> None:
    """Bytes are a valid file or InvalidSpec with problems; nothing else is raised."""
    assert answered(content)


@given(st.sampled_from([file.read_text(encoding="utf-8") for file in (*RIGHT, *WRONG)]), st.data())
def test_any_damage_to_a_file_is_answered(text: str, data: st.DataObject) -> None:
    """A file with a piece cut out or replaced is valid or InvalidSpec with problems."""
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 20))
    assert answered(
        text[:start] + data.draw(st.sampled_from(["", "1", '"', "[", "{}", "nan", "\n"])) + text[start + length :]
    )


WORDS = sorted({"x", *(key for keys in KEYS.values() for key in keys)})
SCALARS = (
    st.sampled_from([0, 1, -1, 0.5, -0.0, float("nan"), float("inf"), 2**70, True, "", "x", "main", "a:b", ">=", "{x}"])
    | st.text(max_size=5)
    | st.integers()
    | st.floats()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(WORDS), TREES, max_size=6), st.lists(st.text(max_size=12), max_size=2))
def test_any_data_is_answered(content: dict[str, object], overrides: list[str]) -> None:
    """Whatever a table holds, it is a valid experiment or InvalidSpec with at least one problem; nothing else is raised."""
    assert answered(content, *overrides)


@given(
    st.dictionaries(st.sampled_from(WORDS), TREES, max_size=4), st.sampled_from(["stage", "space", "search", "gate"])
)
def test_any_data_in_a_section_is_answered(section: dict[str, object], name: str) -> None:
    """The same one level below, where most of the language is."""
    assert answered({"stage": {"call": "a:b"}, name: section})


def answered(text: bytes | str | dict[str, object], *overrides: str) -> bool:
    """Whether it is read, or refused with problems that say where and what."""
    try:
        read(text, *overrides)
    except InvalidSpec as refusal:
        return bool(refusal.problems) and all(problem.where and problem.message for problem in refusal.problems)
    return True
