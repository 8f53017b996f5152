"""Modules as the import system would find them, and the names they bind, without importing anything."""

import ast
import sys
import warnings
import zipimport
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    BuiltinImporter,
    ExtensionFileLoader,
    FileFinder,
    FrozenImporter,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path

LARGEST_SOURCE_BYTES = 8 * 1024 * 1024
_LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a module is. `file` is its source, or None when it has none that can be read (compiled, built in, in an archive)."""

    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A module that is not there: the dotted name of the first part that is missing, and whether it stands in a module."""

    name: str
    not_a_package: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a module binds at its top level. `open_ended`: it can have more than can be seen (`import *`, `__getattr__`)."""

    bound: frozenset[str]
    nested: frozenset[str]  # functions inside classes and functions
    unfit: frozenset[str]  # functions that surely cannot be called as `f(params)` or `f(params, trial=trial)`
    open_ended: bool


def find_module(name: str, *, entries: Sequence[str]) -> Found | Missing:
    """Look a dotted name up in folders and archives, as `sys.path` with these entries would."""
    parts = name.split(".")
    locations: Sequence[str] = entries
    spec: ModuleSpec | None = None
    for depth in range(1, len(parts) + 1):
        full = ".".join(parts[:depth])
        spec = _find(full, entries=locations)
        if spec is None:
            return Found() if depth == 1 and _found_otherwise(full) else Missing(name=full)
        if depth < len(parts) and spec.submodule_search_locations is None:
            return Missing(name=".".join(parts[: depth + 1]), not_a_package=True)
        locations = list(spec.submodule_search_locations or ())
    has_source = spec is not None and isinstance(spec.loader, SourceFileLoader) and spec.origin is not None
    return Found(file=Path(spec.origin) if has_source and spec and spec.origin else None)


def _find(full: str, *, entries: Sequence[str]) -> ModuleSpec | None:
    """The first module or package of that name; else the folders that make up a namespace package of it."""
    portions: list[str] = []
    for entry in entries:
        spec = _find_in(full, entry=entry)
        if spec is not None and spec.loader is not None:
            return spec
        portions.extend((spec.submodule_search_locations or ()) if spec is not None else ())
    if not portions:
        return None
    namespace = ModuleSpec(full, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


def _find_in(full: str, *, entry: str) -> ModuleSpec | None:
    if Path(entry).is_dir():
        return FileFinder(entry, *_LOADERS).find_spec(full)
    try:
        return zipimport.zipimporter(entry).find_spec(full)
    except zipimport.ZipImportError:
        return None


def _found_otherwise(name: str) -> bool:
    """Whether it is built in, or something an installation added to the import system knows it."""
    if name in sys.builtin_module_names:
        return True
    usual = (BuiltinImporter, FrozenImporter, PathFinder)
    finders = (finder.find_spec for finder in sys.meta_path if finder not in usual and hasattr(finder, "find_spec"))
    return any(find(name, None) is not None for find in finders)


def read_names(file: Path) -> Names:
    """The names a source file binds. Raises OSError and SyntaxError."""
    source = file.read_bytes()
    if len(source) > LARGEST_SOURCE_BYTES:
        return Names(bound=frozenset(), nested=frozenset(), unfit=frozenset(), open_ended=True)
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source, filename=str(file))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "too deeply nested") from None
    own = list(_top_level(tree))
    bound = Counter(name for node in own for name in _bound_by(node))
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return Names(
        bound=frozenset(bound),
        nested=frozenset(node.name for node in functions) - bound.keys(),
        unfit=frozenset(name for name in map(_unfit, own) if name is not None and bound[name] == 1),
        open_ended="*" in bound or "__getattr__" in bound,
    )


def _unfit(node: ast.AST) -> str | None:
    """The name of a function that takes something else than the parameters and, if it has that, `trial`."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.decorator_list:
        return None
    takes = node.args
    positional = [*takes.posonlyargs, *takes.args]
    needed = {each.arg for each in positional[1 : len(positional) - len(takes.defaults)]}
    needed |= {each.arg for each, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if default is None}
    if not positional:
        return None if takes.vararg and needed <= {"trial"} else node.name
    twice = bool(takes.args) and takes.args[0] is positional[0] and takes.args[0].arg == "trial"
    by_position_only = "trial" in {each.arg for each in takes.posonlyargs[1:]}
    return node.name if twice or by_position_only or not needed <= {"trial"} else None


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that is executed in the module's own scope."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, _OWN_SCOPE):
            yield from _top_level(node)


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
