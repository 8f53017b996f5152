"""Reads the checkout the way a strict reader does: every rule of the house is a function from sources to what breaks it.

A line that ends in `# house: reason` is excused, for the reason it gives.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "orchestrator"
FOLDERS = ("orchestrator", "tests", "examples", "benchmarks")

FILE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 5
PUBLIC_METHODS = 12

EXCUSE = "# house: "
WORDS_OF_UNFINISHED_WORK = r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|\bfor now\b"  # house: the pattern itself
UNFINISHED = re.compile(WORDS_OF_UNFINISHED_WORK, re.IGNORECASE)
HOME_OF_SOMEBODY = re.compile(r"(?<![\w.$}/])/(?:home|root|work|tmp|Users)/\w+")
SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "sleep"}
DOUBLES = {"Mock", "MagicMock", "AsyncMock", "patch"}

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file of the checkout."""

    path: str  # from the root of the checkout
    text: str
    tree: ast.Module = field(repr=False)

    @property
    def lines(self) -> list[str]:
        """The lines of the file, the first at index 0."""
        return self.text.splitlines()

    def excuses(self, line: int) -> bool:
        """Whether the line (from 1) says why it may break a rule."""
        return EXCUSE in self.lines[line - 1]

    def nodes(self, kind: type[Node]) -> Iterator[Node]:
        """Every node of this kind whose line is not excused."""
        for node in ast.walk(self.tree):
            if isinstance(node, kind) and not self.excuses(getattr(node, "lineno", 1)):
                yield node

    def functions(self) -> Iterator[Function]:
        """Every function, asynchronous or not, whose line is not excused."""
        yield from self.nodes(ast.FunctionDef)
        yield from self.nodes(ast.AsyncFunctionDef)

    def at(self, line: int, what: str) -> str:
        """One row for a person to jump to."""
        return f"{self.path}:{line}: {what}"


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file that we wrote; workloads under tests/fixtures are written as users write them."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(read(file) for file in files if not file.is_relative_to(ROOT / "tests" / "fixtures"))


def read(file: Path) -> Source:
    """Parse one file of the checkout."""
    text = file.read_text(encoding="utf-8")
    return Source(path=file.relative_to(ROOT).as_posix(), text=text, tree=ast.parse(text))


def under(*folders: str) -> list[Source]:
    """The sources in these folders."""
    return [source for source in sources() if source.path.startswith(tuple(f"{folder}/" for folder in folders))]


def broken(rule: Callable[[Source], Iterable[str]], among: Iterable[Source]) -> list[str]:
    """Every row in which the rule is broken."""
    return [row for source in among for row in rule(source)]


def long_files(source: Source) -> Iterator[str]:
    """A file of more than 400 lines cannot be held in the head."""
    if len(source.lines) > FILE_LINES:
        yield source.at(1, f"{len(source.lines)} lines")


def long_functions(source: Source) -> Iterator[str]:
    """A function of more than 40 lines, docstring aside, does more than one thing."""
    for node in source.functions():
        lines = lines_of(node)
        if lines > FUNCTION_LINES:
            yield source.at(node.lineno, f"{node.name}: {lines} lines")


def lines_of(node: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring_lines = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines


def many_parameters(source: Source) -> Iterator[str]:
    """More than five parameters, `self` aside, want to be a value with a name."""
    for node in source.functions():
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        count = len([argument for argument in arguments if argument.arg not in {"self", "cls"}])
        if count > PARAMETERS:
            yield source.at(node.lineno, f"{node.name}: {count} parameters")


def wide_classes(source: Source) -> Iterator[str]:
    """A class of more than twelve public methods is several classes."""
    for node in source.nodes(ast.ClassDef):
        methods = [inner.name for inner in node.body if isinstance(inner, Function)]
        public = [name for name in methods if not name.startswith("_")]
        if len(public) > PUBLIC_METHODS:
            yield source.at(node.lineno, f"{node.name}: {len(public)} public methods")


def hidden_imports(source: Source) -> Iterator[str]:
    """An import inside a function hides a floor."""
    for node in source.functions():
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)) and not source.excuses(inner.lineno):
                yield source.at(inner.lineno, f"{node.name} imports inside")


def closed_doors(source: Source) -> Iterator[str]:
    """A package whose `__init__` does not say what is inside, and what is not allowed."""
    if source.path.endswith("__init__.py") and ast.get_docstring(source.tree) is None:
        yield source.at(1, "no docstring")


def unfinished(source: Source) -> Iterator[str]:
    """A word that says the work is not done."""
    for number, line in enumerate(source.lines, 1):
        if UNFINISHED.search(line) and not source.excuses(number):
            yield source.at(number, line.strip())


def machine_paths(source: Source) -> Iterator[str]:
    """A path that exists on the machine of whoever wrote it."""
    for number, line in enumerate(source.lines, 1):
        if HOME_OF_SOMEBODY.search(line) and not source.excuses(number):
            yield source.at(number, line.strip())


def loose_tasks(source: Source) -> Iterator[str]:
    """A task that belongs to no group."""
    for node in source.nodes(ast.Call):
        if dotted(node.func) in {"asyncio.create_task", "asyncio.ensure_future", "loop.create_task"}:
            yield source.at(node.lineno, dotted(node.func))


def swallowed_errors(source: Source) -> Iterator[str]:
    """A handler that takes every exception and does nothing about it."""
    for node in source.nodes(ast.ExceptHandler):
        broad = node.type is None or dotted(node.type) in {"Exception", "BaseException"}
        excused = any(source.excuses(statement.lineno) for statement in node.body)
        if broad and not excused and all(isinstance(statement, (ast.Pass, ast.Continue)) for statement in node.body):
            yield source.at(node.lineno, "swallows every exception")


def waiting_or_chance(source: Source) -> Iterator[str]:
    """A plain function that decides must not await, look at a clock, or draw from global randomness."""
    for function in source.nodes(ast.AsyncFunctionDef):
        yield source.at(function.lineno, f"{function.name} is asynchronous")
    for call in source.nodes(ast.Call):
        name = dotted(call.func)
        if re.fullmatch(r"(time|datetime)\.\w+|datetime\.datetime\.\w*now|random\.(?!Random\b)\w+|os\.urandom", name):
            yield source.at(call.lineno, name)


def tests_that_claim_nothing(source: Source) -> Iterator[str]:
    """A test without a docstring, or without an assertion."""
    for node in source.functions():
        if not node.name.startswith("test_"):
            continue
        if ast.get_docstring(node) is None:
            yield source.at(node.lineno, f"{node.name} claims nothing: no docstring")
        if not any(asserts(inner) for inner in ast.walk(node)):
            yield source.at(node.lineno, f"{node.name} asserts nothing")


def asserts(node: ast.AST) -> bool:
    """Whether this is an `assert`, or a call whose name says that it is one."""
    words = ("raises", "assert", "expect", "check", "verify", "must", "warns", "fails")
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and any(word in dotted(node.func).lower() for word in words)
    )


def sleeping_or_mocking(source: Source) -> Iterator[str]:
    """A test waits for events, and uses the real thing."""
    for node in source.nodes(ast.Call):
        name = dotted(node.func)
        yields = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if (name in SLEEPS and not yields) or name.split(".")[-1] in DOUBLES:
            yield source.at(node.lineno, name)


def foreign_imports(source: Source, allowed: frozenset[str]) -> Iterator[str]:
    """An import of something that is neither in the standard library nor below one of the allowed names."""
    found = [(node.lineno, alias.name) for node in source.nodes(ast.Import) for alias in node.names]
    found += [(node.lineno, node.module or ".") for node in source.nodes(ast.ImportFrom)]
    for line, name in found:
        inside = any(name == room or name.startswith(f"{room}.") for room in allowed)
        if name.split(".")[0] not in sys.stdlib_module_names and not inside:
            yield source.at(line, f"imports {name}")


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of names; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
