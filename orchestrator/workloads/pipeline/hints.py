"""What to do about findings: hints by the tool's own rules, general ones last."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.workloads.pipeline.findings import Finding

_MOST_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One thing to do, for how many findings, and where the first of them are. A general hint has no family and no count."""

    family: str
    count: int
    places: tuple[str, ...]
    advice: str

    @property
    def text(self) -> str:
        """`F (2: a.py:1, b.py:7): remove what is unused: …`."""
        if not self.count:
            return self.advice
        more = ", …" if self.count > len(self.places) else ""
        return f"{self.family} ({self.count}: {', '.join(self.places)}{more}): {self.advice}"


RUFF = {
    "invalid-syntax": "the file cannot be parsed: mend the line named first, the others often follow from it",
    "E": "`ruff check --fix` mends many; E722: name the exceptions, E711/E712: compare with `is`, E501: `ruff format`",
    "W": "white space and line ends: `ruff format` mends them",
    "F": "F401 and F841: remove what is unused (`--fix` does); F821: define or import the name; F811: remove the second definition",
    "I": "`ruff check --select I --fix` sorts the imports",
    "S": "a possible hole: S602/S605 pass a list of words without a shell, S608 bind SQL values, S105 to S107 move secrets to the environment",
    "B": "a likely bug: B006 use None for mutable defaults, B023 bind the loop's variable, B904 raise … from error",
    "UP": "`ruff check --select UP --fix` writes it as the newest Python you support does",
    "N": "rename as PEP 8 does; a name that is published needs an alias for its users",
    "D": "say in the docstring what the signature does not: units, errors, side effects",
    "ANN": "annotate it; mypy then checks its callers too",
    "C": "simplify: comprehensions (`--fix` does), or split a function that branches too often (C901)",
    "SIM": "`ruff check --select SIM --fix --unsafe-fixes`, and read what it did",
    "PLR": "split what has too many branches, arguments or lines; name the numbers",
    "PLE": "this fails when it runs: read the rule with `ruff rule CODE`",
    "RUF": "`ruff rule CODE` explains it; RUF100: remove the unused noqa",
    "PTH": "use pathlib",
    "ASYNC": "a blocking call in an asynchronous function holds up everything: await it, or send it to a thread",
    "DTZ": "give the time zone: datetime.now(tz=timezone.utc)",
    "T": "log instead of printing; T10: remove the debugger",
}
MYPY = {
    "syntax": "the file cannot be parsed: mend the line named first",
    "arg-type": "the argument does not fit: convert it, or widen the parameter if the function can take it",
    "assignment": "the variable was declared otherwise: annotate it at its first assignment, or use another name",
    "return-value": "the returned value and the annotation disagree: one of them is wrong",
    "attr-defined": "the attribute is not there: a typing slip, a missing import, or None and others must be ruled out first",
    "union-attr": "rule out the other members first: `if value is None: …`",
    "operator": "the operands do not fit, often because one may be None",
    "index": "this cannot be indexed so: rule None out, or correct the key's type",
    "call-arg": "compare with the signature: an argument is missing, unknown or given twice",
    "call-overload": "no variant of the function takes these types together",
    "override": "keep the signature of the base class, or do not inherit",
    "no-untyped-def": "annotate the function, `-> None` too",
    "no-untyped-call": "annotate what is called, or exempt its module in the configuration",
    "type-arg": "say what is inside: list[int], dict[str, float]",
    "import-untyped": "install the stubs (`mypy --install-types`, or types-NAME), or exempt the module in the configuration",
    "import-not-found": "install the package for the interpreter of the gate, or correct the name",
    "name-defined": "define or import the name",
    "no-any-return": "convert or annotate the value before it is returned",
    "no-redef": "rename the second definition",
    "var-annotated": "annotate the empty container: `found: list[str] = []`",
    "misc": "the message says it; `mypy --show-error-context` shows where it comes from",
    "unused-ignore": "remove the `type: ignore`",
    "redundant-cast": "remove the cast",
    "unreachable": "the code can never run: the types before it are wrong, or it can go",
}
BANDIT = {
    "B1": "B101: raise instead of assert where it guards something; B102: no exec; B105 to B107: secrets belong in the environment",
    "B110": "say in the handler what is expected, or log it; never pass over every exception",
    "B2": "switch the debugger of the web framework off",
    "B3": "use the safe substitute: ast.literal_eval for eval, json for pickle, secrets for random, defusedxml for XML of others",
    "B324": "hashlib: sha256, or usedforsecurity=False where it guards nothing",
    "B4": "the import is a reminder: look at how the module is used",
    "B5": "verify certificates, give time limits, use current protocols and keys of 2,048 bits or more; yaml.safe_load",
    "B6": "B602 and B605: a list of words and shell=False; B608: bind values instead of building SQL; B603: check who chose the words",
    "B7": "switch the escaping of templates on",
    "unread": "bandit could not parse the file, so nobody has checked it: does it compile under the gate's interpreter?",
}
PYTEST = {
    "failed": "run one of them again: `pytest PLACE::NAME -vv --tb=long`; has the code or the expectation changed?",
    "error": "the test did not get to its claim: mend the import, the fixture's set-up or its tear-down first",
    "DeprecationWarning": "replace what is deprecated before it goes; the message says by what",
    "ResourceWarning": "close it: `with open(…)`; `-X tracemalloc` says where it was opened",
}
COVERAGE = {"uncovered": "`coverage html` shows the lines; begin with the file named first"}
GENERAL = {
    "ruff": ("`ruff rule CODE` explains a rule; a line that must stay as it is gets `# noqa: CODE` with the reason",),
    "mypy": (
        "a line that must stay as it is gets `# type: ignore[CODE]` with the reason; `reveal_type(…)` shows what mypy sees",
    ),
    "bandit": ("a line that must stay as it is gets `# nosec CODE` with the reason",),
    "pytest": (
        "`pytest --last-failed` runs only what failed",
        "a test that fails now and then is a finding too: do not run it until it passes",
    ),
}
_TABLES: Mapping[str, Mapping[str, str]] = {
    "ruff": RUFF,
    "mypy": MYPY,
    "bandit": BANDIT,
    "pytest": PYTEST,
    "coverage": COVERAGE,
}


def hints_for(tool: str, findings: Iterable[Finding]) -> list[Hint]:
    """A hint for each family of rules that was found, the most frequent first, then the general ones; none without findings."""
    table = _TABLES[tool]
    places: defaultdict[str, list[str]] = defaultdict(list)
    found = list(findings)
    for finding in found:
        family = family_of(finding.rule, table)
        if family is not None:
            places[family].append(finding.place)
    specific = [
        Hint(family=family, count=len(where), places=tuple(where[:_MOST_PLACES]), advice=table[family])
        for family, where in sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    general = [Hint(family="", count=0, places=(), advice=advice) for advice in GENERAL.get(tool, ())]
    return specific + general if found else []


def family_of(rule: str, table: Mapping[str, str]) -> str | None:
    """The longest key that is the rule, or the rule without its last digits; None when there is none."""
    for length in range(len(rule), 0, -1):
        if rule[:length] in table and (length == len(rule) or rule[length:].isdigit()):
            return rule[:length]
    return None
