"""Reads a change from a git checkout: the one place that runs git."""

import os
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from orchestrator.workloads.pipeline.change import Change, ChangedFile, Status
from orchestrator.workloads.pipeline.failures import NotACheckout
from orchestrator.workloads.pipeline.findings import one_line

PARTS = ("staged", "unstaged", "untracked")
_TIMEOUT_SECONDS = 60.0
_LARGEST_COUNTED_BYTES = 16 * 1024 * 1024
_BINARY_SAMPLE_BYTES = 8_000  # as git: a NUL among them means that the file is binary
_REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX")  # set inside a hook; the folder that is named counts
_DIFF = ("diff", "--raw", "--numstat", "-z", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative")
_STATUSES = {"A": Status.ADDED, "C": Status.ADDED, "D": Status.DELETED, "R": Status.RENAMED}


def change_of(
    checkout: Path | str, *, base: str | None = None, head: str | None = None, parts: Collection[str] = PARTS
) -> Change:
    """The change in a checkout, as paths from its root.

    With `base`: what the commits from there to `head` (default: HEAD) did since the two went apart, and their messages. Else what is
    not committed: of it the `parts` that are named, staged, unstaged and untracked. Raises NotACheckout when the folder or a
    revision is not there, or git is not.
    """
    root = Path(_text(_git(Path(checkout), "rev-parse", "--show-toplevel")).removesuffix("\n"))
    if base is not None or head is not None:
        return _between(root, base=_commit(root, base or "HEAD"), head=_commit(root, head or "HEAD"))
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise ValueError(f"parts are of {', '.join(PARTS)}; found {', '.join(unknown)}")
    files = [*_tracked(root, parts), *(_untracked(root) if "untracked" in parts else ())]
    return Change(files=tuple(files))


def _between(root: Path, *, base: str, head: str) -> Change:
    messages = _text(_git(root, "log", "--format=%B", "-z", f"{base}..{head}")).split("\0")
    return Change(
        files=tuple(parse_diff(_git(root, *_DIFF, f"{base}...{head}", "--"))),
        messages=tuple(message.strip() for message in messages if message.strip()),
    )


def _commit(root: Path, revision: str) -> str:
    if not revision or revision.startswith("-"):
        raise NotACheckout(f'"{revision}" is not a revision', hint="name a commit, a branch or a tag")
    try:
        return _text(_git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")).strip()
    except NotACheckout:
        raise NotACheckout(
            f'there is no commit "{revision}" in {root}', hint="fetch it first; a shallow clone has few commits"
        ) from None


def _tracked(root: Path, parts: Collection[str]) -> list[ChangedFile]:
    staged, unstaged = "staged" in parts, "unstaged" in parts
    if not (staged or unstaged):
        return []
    if not staged:
        return list(parse_diff(_git(root, *_DIFF, "--")))
    against = _head_tree(root)
    return list(parse_diff(_git(root, *_DIFF, *(() if unstaged else ("--cached",)), against, "--")))


def _head_tree(root: Path) -> str:
    """HEAD, or the empty tree before the first commit."""
    try:
        return _commit(root, "HEAD")
    except NotACheckout:
        return _text(_git(root, "hash-object", "-t", "tree", os.devnull)).strip()


def _untracked(root: Path) -> Iterator[ChangedFile]:
    status = _text(_git(root, "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames"))
    for record in status.split("\0"):
        if record.startswith("? "):
            yield _new_file(root, record[2:])


def _new_file(root: Path, path: str) -> ChangedFile:
    lines = _lines_in(root / path)
    return ChangedFile(path=path, status=Status.ADDED, added_lines=lines or 0, binary=lines is None)


def _lines_in(path: Path) -> int | None:
    """How many lines it has; None for what is binary, very large, no file, or not readable."""
    try:
        if path.is_symlink():
            return 1
        if not path.is_file() or path.stat().st_size > _LARGEST_COUNTED_BYTES:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if b"\0" in content[:_BINARY_SAMPLE_BYTES]:
        return None
    return content.count(b"\n") + (content[-1:] not in {b"", b"\n"})


def parse_diff(output: bytes) -> Iterator[ChangedFile]:
    """The files in what `git diff --raw --numstat -z` writes: first a raw record of each, then the numbers of each."""
    fields = iter(_text(output).split("\0"))
    statuses: dict[str, Status] = {}
    for field in fields:
        if field.startswith(":"):
            letter = field.rpartition(" ")[2][:1]
            paths = [next(fields) for _ in range(2 if letter in "RC" else 1)]
            statuses.setdefault(paths[-1], _STATUSES.get(letter, Status.MODIFIED))
        elif field:
            yield _numbered(field, fields, statuses)


def _numbered(field: str, fields: Iterator[str], statuses: dict[str, Status]) -> ChangedFile:
    added, removed, path = field.split("\t", 2)
    old_path = None
    if not path:  # of a renamed or copied file both paths follow
        old_path, path = next(fields), next(fields)
    status = statuses.get(path, Status.MODIFIED)
    return ChangedFile(
        path=path,
        status=status,
        old_path=old_path if status is Status.RENAMED else None,
        added_lines=0 if added == "-" else int(added),
        removed_lines=0 if removed == "-" else int(removed),
        binary=added == "-",
    )


def _git(folder: Path, *arguments: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell; revisions are checked
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        raise NotACheckout("git is not installed, or not on the PATH", hint="install git") from None
    except subprocess.TimeoutExpired:
        raise NotACheckout(f"git {arguments[0]} took longer than {_TIMEOUT_SECONDS:.0f} s in {folder}") from None
    except subprocess.CalledProcessError as error:
        said = one_line(error.stderr.decode(errors="replace")) or f"status {error.returncode}"
        raise NotACheckout(f"git {arguments[0]} failed in {folder}: {said}") from None
    return done.stdout


def _text(output: bytes) -> str:
    """Paths may be any bytes: those that are no text come back as lone surrogates."""
    return os.fsdecode(output)
