"""Student's t: its tail and its critical values."""

import pytest

from orchestrator.search.stages.student import critical, survival


@pytest.mark.parametrize(
    ("confidence", "degrees", "expected"),
    [(0.95, 1, 12.7062), (0.95, 2, 4.30265), (0.95, 11, 2.20099), (0.9, 38, 1.68595), (0.95, 1e6, 1.95997)],
)
def test_the_critical_values_are_those_of_the_tables(confidence: float, degrees: float, expected: float) -> None:
    """Two-sided intervals reach as far as the printed tables of the t distribution say."""
    assert critical(confidence, degrees=degrees) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("t", "expected"), [(0.0, 0.5), (1.0, 0.25), (-1.0, 0.75), (1e9, 0.0)])
def test_one_degree_is_the_cauchy_distribution(t: float, expected: float) -> None:
    """With one degree of freedom the tail beyond 1 is a quarter, and the two sides mirror each other."""
    assert survival(t, degrees=1.0) == pytest.approx(expected, abs=1e-9)


def test_a_fraction_of_a_degree_lies_between_its_neighbours() -> None:
    """The critical value falls with the degrees of freedom also between whole numbers."""
    assert critical(0.95, degrees=4.0) > critical(0.95, degrees=4.5) > critical(0.95, degrees=5.0)
