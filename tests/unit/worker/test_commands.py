"""Placeholders in commands, and metrics in what commands write."""

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker.commands import (
    InvalidMetrics,
    arguments_of,
    as_text,
    fill,
    metric_from_pattern,
    metrics_from_last_line,
    metrics_from_result,
    placeholders,
)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("--rsi={rsi}", ("rsi",)),
        ("{b}{a}{b}", ("b", "a")),
        ("{{a}}", ()),
        ("{{{a}}}", ("a",)),
        ("plain", ()),
        ("{learning-rate} {a.b}", ("learning-rate", "a.b")),
        ("awk '{print $1}'", ("print $1",)),
    ],
)
def test_placeholders_are_the_names_in_braces_each_once_in_order(template: str, names: tuple[str, ...]) -> None:
    """A brace written twice is a literal one."""
    assert placeholders(template) == names


@pytest.mark.parametrize(("template", "position"), [("{", 1), ("ab}", 3), ("{a{b}", 1), ("{a}}", 4), ("find {}", 6)])
def test_a_brace_that_stands_alone_is_refused_with_its_position(template: str, position: int) -> None:
    """The message says where, and how a literal brace is written."""
    with pytest.raises(ValueError, match=f"position {position} ") as refused:
        placeholders(template)
    assert "{{" in str(refused.value) or "}}" in str(refused.value)


def test_filling_replaces_names_and_halves_doubled_braces() -> None:
    """What has no value becomes nothing; a value is not looked into."""
    assert fill("{a}-{{a}}-{b}-{gone}", {"a": "{b}", "b": "2"}) == "{b}-{a}-2-"


@given(st.text())
def test_any_text_survives_as_a_literal(text: str) -> None:
    """Doubling its braces is enough."""
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_in_a_shell_command_is_one_word(text: str) -> None:
    """Whatever it holds."""
    shell, option, line = arguments_of("echo {x}", {"x": text})
    assert (shell, option) == ("/bin/sh", "-c")
    assert shlex.split(line) == ["echo", text]


def test_a_list_is_filled_item_by_item_without_a_shell() -> None:
    """An item stays one argument."""
    assert arguments_of(("run", "--x={x}", "{x} {x}"), {"x": "a b"}) == ["run", "--x=a b", "a b a b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (True, "true"),
        (None, "null"),
        (3, "3"),
        (0.1, "0.1"),
        (1e-9, "1e-09"),
        ([1, {"a": None}], '[1,{"a":null}]'),
    ],
)
def test_values_are_written_as_a_person_would_type_them(value: Any, text: str) -> None:
    """Numbers so that they read back as the same number, nested ones as JSON."""
    assert as_text(value) == text


def test_the_last_match_of_a_pattern_counts() -> None:
    """With a group the group is the number, without one the match is."""
    assert metric_from_pattern("a", r"a=(\S+)", "a=1\na=2.5\n7") == 2.5
    assert metric_from_pattern("b", r"\d+$", "a=1\na=2.5\n7") == 7


@pytest.mark.parametrize(
    ("pattern", "words"), [("b=(.*)", "matches b="), ("a=(.*)", "high"), ("a=(", "regular expression")]
)
def test_a_pattern_that_gives_no_number_names_its_metric(pattern: str, words: str) -> None:
    """No match, a match that is no number, and a pattern that is none."""
    with pytest.raises(InvalidMetrics, match="'m'") as refused:
        metric_from_pattern("m", pattern, "a=high")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("3", {"value": 3.0}),
        (' {"a": 1}\n', {"a": 1.0}),
        ("", None),
        ("\n", None),
        ("{}", {}),
        ("1" + "0" * 30, {"value": 1e30}),
    ],
)
def test_a_result_file_is_a_number_or_an_object(text: str, metrics: dict[str, float] | None) -> None:
    """A blank one says nothing."""
    assert metrics_from_result(text) == metrics


@pytest.mark.parametrize(
    "text",
    ["{", r'{"\ud800": 1}', "NaN", '"x"', "[1]", "null", '{"a": null}', '{"a": -Infinity}', "true", "1" * 400],
)
def test_a_result_file_with_anything_else_is_refused(text: str) -> None:
    """A program that writes it means it."""
    with pytest.raises(InvalidMetrics):
        metrics_from_result(text)


@pytest.mark.parametrize(
    ("output", "metrics"),
    [('x\n{"a": 1}\n\n', {"a": 1.0}), ('{"a": 1}\nx', None), ("{done}", None), ("7", None), ("", None), ("[1]", None)],
)
def test_only_an_object_on_the_last_line_holds_metrics(output: str, metrics: dict[str, float] | None) -> None:
    """Other last lines are for people."""
    assert metrics_from_last_line(output) == metrics


DEEP = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEEP, "nested too deeply"),
        ('{"v": ' + "7" * 5000 + "}", "'v' is inf, not a finite number: the largest is 1.8e308"),
        ('{"v": -' + "7" * 400 + "}", "'v' is -inf"),
        ('{"v": 1e400}', "'v' is inf"),
        ('{"v": [[1]]}', "'v' is a list, not a number"),
        (
            r'{"a b\n": 2}',
            r"'a b\n' cannot be the name of a metric: names of metrics are 1 to 200 printable characters",
        ),
        ('{"": 2}', "'' cannot be the name"),
        (json.dumps({"n" * 201: 1}), "cannot be the name"),
        (r'{"\u202e": 1}', r"'\u202e' cannot be the name"),
    ],
    ids=["deep", "digits", "large", "exponent", "list", "control", "empty", "long", "invisible"],
)
def test_an_object_that_cannot_be_metrics_is_refused_with_the_reason(text: str, words: str) -> None:
    """On the last line and in the result file alike: nothing is left out in silence, nothing but InvalidMetrics is raised."""
    for read in (metrics_from_last_line, metrics_from_result):
        with pytest.raises(InvalidMetrics) as refused:
            read(text)
        assert words in str(refused.value)
        assert len(str(refused.value)) < 200


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200),
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53)),
    )
)
def test_every_flat_object_of_finite_numbers_is_read_back(metrics: dict[str, float]) -> None:
    """From a line and from a file alike."""
    line = json.dumps(metrics)
    assert metrics_from_last_line(f"noise\n{line}") == metrics
    assert metrics_from_result(line) == metrics
