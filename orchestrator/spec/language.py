"""Which keys and words the file's language has now, which it will have, and what to say about any other."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestrator.spec.base import SpecModel
from orchestrator.spec.bounds import TimeoutFactor
from orchestrator.spec.criterion import Criterion, GateCriterion, TopShare
from orchestrator.spec.experiment import (
    ExperimentSpec,
    GateSpec,
    LimitsSpec,
    LoopSpec,
    MaxFailures,
    Objective,
    SearchSpec,
    SelectSpec,
    ShareSpec,
)
from orchestrator.spec.findings import Place, did_you_mean, listed, shorten
from orchestrator.spec.prune import PruneSpec
from orchestrator.spec.space import Choices, FloatRange, IntegerRange
from orchestrator.spec.stage import Retries, StageSpec

Pattern = tuple[str, ...]

TABLES: Final[Mapping[Pattern, tuple[type[SpecModel], ...]]] = {
    (): (ExperimentSpec,),
    ("objective",): (Objective,),
    ("stage", "*"): (StageSpec,),
    ("stage", "*", "promote"): (Criterion, TopShare),
    ("stage", "*", "retries"): (Retries,),
    ("stage", "*", "timeout"): (TimeoutFactor,),
    ("space", "*"): (IntegerRange, FloatRange, Choices),
    ("search",): (SearchSpec,),
    ("prune",): (PruneSpec,),
    ("gate",): (GateSpec,),
    ("gate", "criterion", "*"): (GateCriterion,),
    ("select",): (SelectSpec,),
    ("loop",): (LoopSpec,),
    ("loop", "target"): (Criterion,),
    ("limits",): (LimitsSpec,),
    ("limits", "max_failures"): (MaxFailures,),
    ("share",): (ShareSpec,),
}
"""The tables of the file; `*` stands for any name or position."""

LATER_KEYS: Final[Mapping[Pattern, frozenset[str]]] = {
    (): frozenset({"approach", "llm"}),
    ("gate", "criterion", "*"): frozenset({"significance"}),
    ("loop",): frozenset({"max_research", "max_total"}),
    ("limits",): frozenset({"cpu", "cost_usd", "api_calls_per_minute", "tokens"}),
}

LATER_WORDS: Final[Mapping[Pattern, frozenset[str]]] = {
    ("stage", "*", "executor"): frozenset({"dask", "ray"}),
    ("search", "method"): frozenset({"sobol", "latin", "tpe", "cmaes", "nsga2", "evolve", "coordinate", "llm"}),
    ("search", "variants"): frozenset({"adaptive", "llm"}),
    ("select", "method"): frozenset({"pareto", "llm"}),
    ("loop", "on_failure"): frozenset({"analyse", "refine", "research"}),
}

OF_THE_DAEMON: Final = frozenset({"slots", "threads"})
"""Settings that somebody may look for here."""

LATER_FORMS: Final[Mapping[Pattern, tuple[type, str]]] = {
    ("objective",): (list, 'a list of objectives is not available in this version; give one: { metric = "…" }'),
    ("repeats",): (dict, "a table of repeats is not available in this version; give a number"),
}


def keys_of(model: type[SpecModel]) -> tuple[str, ...]:
    """The keys of a table as the file writes them."""
    return tuple(
        field.validation_alias if isinstance(field.validation_alias, str) else name
        for name, field in model.model_fields.items()
    )


KEYS: Final[Mapping[Pattern, tuple[str, ...]]] = {
    pattern: tuple(dict.fromkeys(key for model in models for key in keys_of(model)))
    for pattern, models in TABLES.items()
}


def pattern_of(place: Place) -> Pattern:
    """The place with `*` for the names of stages and parameters and for positions."""
    parts = ["*" if isinstance(part, int) else part for part in place]
    if len(parts) > 1 and parts[0] in ("stage", "space"):
        parts[1] = "*"
    return tuple(parts)


def unknown_key(place: Place) -> str:
    """What to say about a key the language does not have."""
    *above, key = pattern_of(place)
    table, key = tuple(above), str(place[-1])
    if key in LATER_KEYS.get(table, ()):
        name = ".".join(part for part in (*table, key) if part != "*")
        return f"{name} is not available in this version"
    if not table and key in OF_THE_DAEMON:
        return f"{key} is a setting of the daemon, for all experiments, from its next start on; what one runs at once is limits.max_parallel"
    known = KEYS.get(table, ())
    close = did_you_mean(key, known)
    if close:
        return f"unknown key;{close}"
    homes = [_bracketed(pattern) for pattern, keys in KEYS.items() if key in keys and pattern and pattern != table]
    if homes:
        return f"unknown key here; it belongs in {' or '.join(homes[:3])}"
    return f"unknown key; allowed are: {listed(known)}"


def _bracketed(pattern: Pattern) -> str:
    return f"[{'.'.join(part for part in pattern if part != '*')}]"


def unknown_word(place: Place, found: str, *, allowed: Iterable[str]) -> str:
    """What to say about a word that is not one of the allowed ones."""
    words = list(allowed)
    choices = listed(f'"{word}"' for word in words)
    if found in LATER_WORDS.get(pattern_of(place), ()):
        return f'"{found}" is not available in this version; available: {choices}'
    close = did_you_mean(found, words)
    return f'must be one of {choices}; found "{shorten(found)}"' + (f";{close}" if close else "")


def later_form(place: Place, found: Any) -> str | None:
    """What to say when the value has a form that is not available yet, or None."""
    pattern = pattern_of(place)
    form = LATER_FORMS.get(pattern)
    if form is not None and isinstance(found, form[0]):
        return form[1]
    if isinstance(found, str) and found in LATER_WORDS.get(pattern, ()):
        return f'"{found}" is not available in this version'
    return None
