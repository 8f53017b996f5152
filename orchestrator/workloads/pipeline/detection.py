"""Which lane a change belongs to: one plain function of the change and the rules, which says what made it decide so."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.workloads.pipeline.change import Change, ChangedFile, Status
from orchestrator.workloads.pipeline.globs import first_match
from orchestrator.workloads.pipeline.lanes import DetectionRules, Risk

UNKNOWN = "unknown"
_CERTAIN, _BY_PATH, _BY_WORD, _BY_KIND = 1.0, 0.9, 0.7, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One rule that said something: its name, the lane it asks for at least, and the evidence in words."""

    rule: str
    lane: str
    evidence: str
    confidence: float  # 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a change is. A renamed file counts once in each category of its two ends."""

    files: int
    docs: int
    tests: int
    config: int
    code: int
    unknown: int
    changed_lines: int
    binary_files: int  # their lines are not known and not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The lane, every rule that fired (those for a heavier lane first), how sure that is, and the sizes.

    `confidence` is from 0.5 (one file or line more or less would change the lane) to 1.
    """

    lane: str
    fired: tuple[Fired, ...]
    confidence: float
    sizes: Sizes


def detect(change: Change, rules: DetectionRules) -> Detection:
    """The lane of a change: heavy if any rule says so, docs if every file is prose, else standard."""
    sizes = sizes_of(change, rules)
    heavy = (*_breaking(change), *_risks(change, rules), *_too_large(change, sizes, rules))
    standard = tuple(_at_least_standard(change, sizes, rules))
    if heavy:
        return Detection(lane="heavy", fired=(*heavy, *standard), confidence=_joined(heavy), sizes=sizes)
    distance = _distance_to_heavy(sizes, rules)
    if sizes.files and not standard:
        only_docs = Fired(rule="only_docs", lane="docs", evidence=_count(sizes.docs, "file of prose"), confidence=1.0)
        return Detection(lane="docs", fired=(only_docs,), confidence=distance, sizes=sizes)
    return Detection(lane="standard", fired=standard, confidence=min(distance, _joined(standard)), sizes=sizes)


def sizes_of(change: Change, rules: DetectionRules) -> Sizes:
    """Count the files of each category, and the lines."""
    counts: Counter[str] = Counter()
    for file in change.files:
        counts.update({category_of(path, rules) for path in file.ends})
    return Sizes(
        files=len(change.files),
        docs=counts["docs"],
        tests=counts["tests"],
        config=counts["config"],
        code=counts["code"],
        unknown=counts[UNKNOWN],
        changed_lines=change.lines,
        binary_files=sum(file.binary for file in change.files),
    )


def category_of(path: str, rules: DetectionRules) -> str:
    """The first category with a glob that matches the path; `unknown` without one."""
    found = (category.name for category in rules.categories if first_match(path, globs=category.globs))
    return next(found, UNKNOWN)


def _breaking(change: Change) -> Iterator[Fired]:
    if change.is_breaking:
        yield Fired(
            rule="breaking", lane="heavy", evidence="a commit says that it breaks something", confidence=_CERTAIN
        )


def _risks(change: Change, rules: DetectionRules) -> Iterator[Fired]:
    for risk in rules.risks:
        if not risk.heavy:
            continue
        places = _risky_paths(change, risk, rules)
        if places:
            evidence = _count(len(places), "path") + ": " + ", ".join(places[:3]) + (", …" if places[3:] else "")
            yield Fired(rule=f"{risk.name}_path", lane="heavy", evidence=evidence, confidence=_BY_PATH)
        words = sorted(word for word in change.words if _is_one_of(word, risk.words))
        if words:
            evidence = f"a commit says {', '.join(words[:3])}"
            yield Fired(rule=f"{risk.name}_word", lane="heavy", evidence=evidence, confidence=_BY_WORD)
        types = sorted(change.commit_types & risk.types)
        if types:
            evidence = f"a commit of the type {', '.join(types)}"
            yield Fired(rule=f"{risk.name}_type", lane="heavy", evidence=evidence, confidence=_BY_PATH)


def _is_one_of(word: str, risky: frozenset[str]) -> bool:
    """The word itself, or one that begins with it and a hyphen: cve-2026-1."""
    return word in risky or word.partition("-")[0] in risky


def _risky_paths(change: Change, risk: Risk, rules: DetectionRules) -> list[str]:
    """Prose about something dangerous is not dangerous."""
    paths = (path for file in change.files for path in file.ends)
    return [path for path in paths if category_of(path, rules) != "docs" and first_match(path, globs=risk.globs)]


def _too_large(change: Change, sizes: Sizes, rules: DetectionRules) -> Iterator[Fired]:
    for rule, value, limit, unit in _measures(sizes, rules):
        if value > limit:
            yield _size(rule, value, limit, unit)
    limit = rules.heavy.code_files_with_infrastructure
    if sizes.code > limit:
        for risk in rules.risks:
            if risk.name == "infrastructure" and _risky_paths(change, risk, rules):
                yield _size("infrastructure_and_code", sizes.code, limit, "file of code beside infrastructure")


def _measures(sizes: Sizes, rules: DetectionRules) -> tuple[tuple[str, int, int, str], ...]:
    limits = rules.heavy
    return (
        ("many_code_files", sizes.code, limits.code_files, "file of code"),
        ("many_test_files", sizes.tests, limits.test_files, "file of tests"),
        ("many_changed_lines", sizes.changed_lines, limits.changed_lines, "changed line"),
    )


def _size(rule: str, value: int, limit: int, unit: str) -> Fired:
    excess = (value - limit) / limit if limit else 1.0
    evidence = f"{_count(value, unit)}, more than {limit}"
    return Fired(rule=rule, lane="heavy", evidence=evidence, confidence=_rounded(0.5 + 0.5 * min(excess, 1.0)))


def _at_least_standard(change: Change, sizes: Sizes, rules: DetectionRules) -> Iterator[Fired]:
    if not change.files:
        yield Fired(rule="nothing_changed", lane="standard", evidence="there is no changed file", confidence=0.5)
    deleted = [path for file in change.files for path in _lost_paths(file, rules) if category_of(path, rules) == "code"]
    if deleted:
        evidence = _count(len(deleted), "file of code") + f" no longer there: {', '.join(deleted[:3])}"
        yield Fired(rule="deletes_code", lane="standard", evidence=evidence, confidence=_CERTAIN)
    kinds = (("code", sizes.code), ("tests", sizes.tests), ("config", sizes.config))
    for kind, count in kinds:
        if count:
            evidence = _count(count, f"file of {kind}")
            yield Fired(rule=f"changes_{kind}", lane="standard", evidence=evidence, confidence=_CERTAIN)
    if sizes.unknown:
        evidence = _count(sizes.unknown, "file") + " of an unknown kind"
        yield Fired(rule="unknown_kind", lane="standard", evidence=evidence, confidence=_BY_KIND)


def _lost_paths(file: ChangedFile, rules: DetectionRules) -> tuple[str, ...]:
    """What is gone: a deleted file, and one that became a file of another kind."""
    if file.status is Status.DELETED:
        return (file.path,)
    if file.old_path is None or category_of(file.old_path, rules) == category_of(file.path, rules):
        return ()
    return (file.old_path,)


def _distance_to_heavy(sizes: Sizes, rules: DetectionRules) -> float:
    """1 for what is far below every limit of size, 0.5 at one of them."""
    nearest = max((value / limit if limit else 1.0 if value else 0.0) for _, value, limit, _ in _measures(sizes, rules))
    return _rounded(1.0 - 0.5 * min(nearest, 1.0))


def _joined(fired: tuple[Fired, ...]) -> float:
    """Rules are taken as independent: what several say is surer than what the surest says."""
    doubt = 1.0
    for each in fired:
        doubt *= 1.0 - each.confidence
    return _rounded(1.0 - doubt)


def _rounded(confidence: float) -> float:
    return round(confidence, 3)


def _count(number: int, unit: str) -> str:
    if number == 1:
        return f"1 {unit}"
    noun, space, rest = unit.partition(" ")
    return f"{number} {unit}s" if unit == "changed line" else f"{number} {noun}s{space}{rest}"
