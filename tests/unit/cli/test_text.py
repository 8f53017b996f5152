"""Values are written for people."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orchestrator.cli import text


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.000052, "52 µs"),
        (0.0041, "4.1 ms"),
        (0.41, "0.41 s"),
        (0.0997, "0.1 s"),
        (12.3, "12 s"),
        (59.9, "1 min 0 s"),
        (185, "3 min 5 s"),
        (8040, "2 h 14 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_has_the_units_of_its_size(seconds: float | None, written: str) -> None:
    """Two units at most."""
    assert text.duration(seconds) == written


@pytest.mark.parametrize(
    ("count", "written"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1.3e9, "1.2 GiB"), (3e15, "2728 TiB")],
)
def test_a_size_has_the_unit_of_its_size(count: float | None, written: str) -> None:
    """Binary units, as memory is counted."""
    assert text.size(count) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "-"), (5, "5"), (0.1 + 0.2, "0.3"), (1e-9, "1e-09"), ("ema", "ema"), (True, "true"), ([1, 2], "[1, 2]")],
)
def test_a_value_is_written_short(value: object, written: str) -> None:
    """Floats with six digits, the rest as it is."""
    assert text.number(value) == written


@given(some.text())
def test_nothing_printable_steers_a_terminal(given_text: str) -> None:
    """No control character is left, and text without any is unchanged."""
    shown = text.printable(given_text)
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    assert text.printable(shown) == shown


def test_a_table_is_aligned_and_cut_at_the_end_only() -> None:
    """Numbers right, text left, wide letters counted as two columns."""
    rows = [["1", "温度", "long enough to be cut"], ["22", "b", "short"]]
    assert text.table(["N", "NAME", "REST"], rows, right=frozenset({"N"}), columns=22) == [
        " N  NAME  REST",
        " 1  温度  long enough…",
        "22  b     short",
    ]


@given(some.text(max_size=30), some.integers(1, 20))
def test_what_is_shortened_fits(long: str, columns: int) -> None:
    """And what fits is not touched."""
    cut = text.shortened(long, columns)
    assert text.width(cut) <= columns or text.width(long) <= columns
    assert cut == long or cut.endswith("…")


def test_an_age_is_counted_from_now() -> None:
    """A time of the API is RFC 3339 with a Z."""
    moment = (datetime.now(UTC) - timedelta(seconds=125)).isoformat().replace("+00:00", "Z")
    assert text.age(moment) == "2 min ago"
    assert text.between("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01.500000Z") == 1.5
    assert text.between(None, moment) is None


def test_a_long_text_is_folded_below_its_label() -> None:
    """No line is wider than the terminal, no number comes off its unit, and without a terminal it stays one line."""
    words = "25 attempts, 3.6 s in evaluations, CPU 35 ms, memory at most 20 MiB each"
    lines = text.folded("  used  ", words, columns=40)

    assert max(map(len, lines)) <= 40
    assert not [line for line in lines if line[-1].isdigit()]
    assert lines[0].startswith("  used  25 attempts")
    assert all(line.startswith(" " * 8) for line in lines[1:])
    assert " ".join(line[8:] for line in lines) == words
    assert text.folded("  used  ", words, columns=None) == [f"  used  {words}"]
    assert text.folded("  ", "round=1 best=4", columns=20) == ["  round=1 best=4"]
    assert text.folded("  from  ", "proposed=25 evaluated=25", columns=27) == [
        "  from  proposed=25",
        "        evaluated=25",
    ]


def test_a_metric_of_several_values_has_its_deviation() -> None:
    """Two digits of it; what has one value, or always the same, stands alone."""
    spreads = {"height": 0.0046425, "bytes": 129249.7, "same": 0.0, "huge": None}
    variant = {
        "metrics": {"height": 0.98998761, "bytes": 240155.33, "same": 2, "huge": 1e308, "once": 3.5},
        "spread": {"spread": {name: {"deviation": deviation} for name, deviation in spreads.items()}, "cases": {}},
    }
    told = {"height": "0.989988±0.0046", "bytes": "240155±130000", "same": "2", "huge": "1e+308", "once": "3.5"}
    assert text.measured(variant) == told
    assert text.measured({"metrics": {"x": 1.0}, "spread": None}) == {"x": "1"}
    assert text.measured({"metrics": None}) == {}


def test_many_numbers_are_cut_with_how_many_more_there_are() -> None:
    """Exactly as many as allowed are told in full."""
    values = dict.fromkeys("abcd", 1)
    assert text.pairs(values, most=4) == text.pairs(values) == "a=1 b=1 c=1 d=1"
    assert text.pairs(values, most=2) == "a=1 b=1 (and 2 more)"
    assert text.pairs({}, most=2) == text.pairs(None) == "-"
