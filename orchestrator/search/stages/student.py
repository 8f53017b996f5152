"""Student's t distribution, also with a fraction of a degree of freedom, as Welch's test needs."""

import math
from functools import lru_cache

_CLOSE = 1e-14
_TINY = 1e-300
_STEPS = 400
_HALVINGS = 100


def survival(t: float, *, degrees: float) -> float:
    """P(T > t), by the regularised incomplete beta function (Abramowitz & Stegun, 26.5.27 and 26.7.1)."""
    tail = 0.5 * _beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
    return tail if t >= 0.0 else 1.0 - tail


@lru_cache(maxsize=1024)
def critical(confidence: float, *, degrees: float) -> float:
    """The t that a two-sided interval of this confidence (between 0 and 1) reaches to on either side; degrees > 0."""
    tail = (1.0 - confidence) / 2.0
    low, high = 0.0, 1.0
    while survival(high, degrees=degrees) > tail:
        low, high = high, high * 2.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if survival(middle, degrees=degrees) > tail else (low, middle)
    return (low + high) / 2.0


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), on the side where the fraction converges fast."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b) by Lentz's method (Numerical Recipes, 3rd edition, 6.4)."""
    upper, lower = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = lower
    for step in range(1, _STEPS):
        twice = 2 * step
        even = step * (b - step) * x / ((a + twice - 1.0) * (a + twice))
        odd = -(a + step) * (a + b + step) * x / ((a + twice) * (a + twice + 1.0))
        change = 1.0
        for numerator in (even, odd):
            lower = 1.0 / _not_zero(1.0 + numerator * lower)
            upper = _not_zero(1.0 + numerator / upper)
            change = lower * upper
            value *= change
        if abs(change - 1.0) < _CLOSE:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
