"""Placeholders are read as the worker fills them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.spec.placeholders import RESERVED, read_template
from orchestrator.worker import commands


@pytest.mark.parametrize(
    ("text", "names", "lone"),
    [
        ("--x={x}", ("x",), ()),
        ("{x}{y}{x}", ("x", "y"), ()),
        ("{{x}}", (), ()),
        ("{{{x}}}", ("x",), ()),
        ("a { b", (), (2,)),
        ("}x{", (), (0, 2)),
        ("{a{b}", ("b",), (0,)),
    ],
)
def test_braces_are_told_apart(text: str, names: tuple[str, ...], lone: tuple[int, ...]) -> None:
    """Doubled braces are literal, pairs are placeholders, the rest stands alone."""
    template = read_template(text)

    assert (template.names, template.lone_braces) == (names, lone)


def test_the_reserved_names_are_the_workers() -> None:
    """What the file reserves is what the worker fills."""
    assert set(RESERVED) == set(commands.RESERVED)


@given(st.text("{}ab ", max_size=12))
def test_what_is_accepted_can_be_filled(text: str) -> None:
    """A template without lone braces and nameless placeholders has the same names in the worker; any other it refuses."""
    template = read_template(text)

    if template.lone_braces or "" in template.names:
        with pytest.raises(ValueError, match="names nothing"):
            commands.placeholders(text)
    else:
        assert commands.placeholders(text) == template.names
