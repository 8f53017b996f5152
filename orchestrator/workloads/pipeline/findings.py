"""What tools find: one frozen fact a finding, and counts by severity."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad something is; a larger number is worse."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """As it is written in the table of lanes: `error`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a tool says about one place. `line` counts from 1; 0 when it is about the whole file."""

    file: str
    line: int
    rule: str  # the tool's own code: F401, arg-type, B602, failed
    message: str  # one line
    severity: Severity

    @property
    def place(self) -> str:
        """`src/a.py:7`, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def text(self) -> str:
        """`src/a.py:7 F401 imported but unused`."""
        return f"{self.place} {self.rule} {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many findings there are of each severity; what is critical counts as an error too."""

    infos: int
    warnings: int
    errors: int


def counts_of(findings: Iterable[Finding]) -> Counts:
    """Count them by severity."""
    by_severity = Counter(finding.severity for finding in findings)
    return Counts(
        infos=by_severity[Severity.INFO],
        warnings=by_severity[Severity.WARNING],
        errors=by_severity[Severity.ERROR] + by_severity[Severity.CRITICAL],
    )


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The most severe first; equals by file, line and rule."""
    return sorted(findings, key=lambda finding: (-finding.severity, finding.file, finding.line, finding.rule))


def one_line(text: object, *, longest: int = 300) -> str:
    """Any text in one line of at most `longest` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
