"""Loads the `.sql` files: named statements from `queries/`, numbered scripts from `migrations/`.

A statement over many rows has `VALUES :rows`. A statement file holds blocks of `-- name`, one or more comment lines that say what it does, and the statement.
"""

import re
from functools import cache
from importlib import resources

_BLOCK = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)
_MIGRATION = re.compile(r"(\d{3})-[a-z0-9-]+\.sql")


def read_statements(text: str) -> dict[str, str]:
    """Statements by name. Raises ValueError for a name that stands twice or a block without its sentence."""
    parts = _BLOCK.split(text)
    statements: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = body.strip().splitlines()
        if name in statements:
            message = f"statement {name} stands twice"
            raise ValueError(message)
        if not lines or not lines[0].startswith("--"):
            message = f"statement {name} says nothing about itself"
            raise ValueError(message)
        statements[name] = "\n".join(line for line in lines if not line.startswith("--")).rstrip(";")
    return statements


def _load() -> dict[str, str]:
    statements: dict[str, str] = {}
    folder = resources.files(__package__) / "queries"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            found = read_statements(file.read_text(encoding="utf-8"))
            if twice := statements.keys() & found.keys():
                message = f"statements stand in two files: {sorted(twice)}"
                raise ValueError(message)
            statements |= found
    return statements


def migrations() -> list[tuple[int, str]]:
    """(version, script) in order; versions count from 1 without a hole."""
    folder = resources.files(__package__) / "migrations"
    found = sorted((int(match[1]), file) for file in folder.iterdir() if (match := _MIGRATION.fullmatch(file.name)))
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        message = "migrations must be numbered 001, 002, … without a hole"
        raise ValueError(message)
    return [(number, file.read_text(encoding="utf-8")) for number, file in found]


STATEMENTS = _load()


def rows_of(name: str) -> tuple[str, ...]:
    """The columns of an INSERT of many rows, in the order in which its rows hold them."""
    return tuple(re.findall(r"\w+", STATEMENTS[name].partition("(")[2].partition(")")[0]))


@cache
def for_rows(name: str, *, shared: int, width: int, count: int) -> str:
    """A statement whose `:rows` stands for `count` rows of `width` values of their own.

    The first `shared` bound values are common to all rows: in an INSERT they begin each row, elsewhere the statement names them as ?1, ?2, …
    """
    statement = STATEMENTS[name]
    common = [f"?{place}" for place in range(1, shared + 1)] if statement.startswith("INSERT") else []
    own = ["?"] * width  # without numbers of their own, which would be looked up in a list of thousands
    first = [*common, f"?{shared + 1}", *own[1:]]
    rows = [first, *[[*common, *own]] * (count - 1)]
    return statement.replace(":rows", ", ".join([f"({', '.join(row)})" for row in rows]))
