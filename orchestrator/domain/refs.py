"""Addresses in the hierarchy: `12` an experiment, `12.3` a variant, `12.3.1` an iteration."""

import re
from dataclasses import dataclass
from typing import NewType

from orchestrator.errors import InvalidReference

ExperimentId = NewType("ExperimentId", int)
VariantNumber = NewType("VariantNumber", int)
IterationNumber = NewType("IterationNumber", int)

LARGEST = 2**63 - 1
_PATTERN = re.compile(r"[1-9]\d*(\.[1-9]\d*){0,2}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A place in the hierarchy. `variant` and `iteration` are None above their level."""

    experiment: ExperimentId
    variant: VariantNumber | None = None
    iteration: IterationNumber | None = None

    def __str__(self) -> str:
        return ".".join(str(part) for part in (self.experiment, self.variant, self.iteration) if part is not None)

    @property
    def level(self) -> str:
        """`experiment`, `variant` or `iteration`."""
        if self.variant is None:
            return "experiment"
        return "variant" if self.iteration is None else "iteration"

    @property
    def described(self) -> str:
        """`12.3 is a variant`."""
        return f"{self} is {'a' if self.level == 'variant' else 'an'} {self.level}"


def looks_like_ref(text: str) -> bool:
    """Whether the text has the form of a ref (a name never has)."""
    return _PATTERN.fullmatch(text) is not None


def named_parts(text: str) -> list[tuple[str, str]]:
    """How a text can be read as an experiment's name with the numbers of a part of it, longest name first: `a.3.1` is `.1` of `a.3`
    before it is `.3.1` of `a`.
    """
    found = []
    name = text
    for _ in range(2):
        name, dot, digits = name.rpartition(".")
        if not (name and dot and digits.isascii() and digits.isdigit()):
            break
        found.append((name, text[len(name) :]))
    return found


def parse_ref(text: str) -> Ref:
    """Read `12`, `12.3` or `12.3.1`. Raises InvalidReference."""
    if not looks_like_ref(text):
        raise InvalidReference(f"{text!r} is not a reference", hint="use 12, 12.3, 12.3.1 or an experiment's name")
    numbers = [int(part) for part in text.split(".")]
    if max(numbers) > LARGEST:
        raise InvalidReference(f"{text!r} is out of range")
    experiment, variant, iteration = [*numbers, None, None][:3]
    return Ref(
        ExperimentId(experiment or 0),
        None if variant is None else VariantNumber(variant),
        None if iteration is None else IterationNumber(iteration),
    )
