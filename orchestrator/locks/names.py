"""Named locks: what they may be called, and where their files are."""

import re
import stat
from pathlib import Path

ENDING = ".lock"
LONGEST_NAME = 100
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
_OPEN_TO_ALL = stat.S_ISVTX | stat.S_IWOTH


def problem_of_name(name: str) -> str | None:
    """Why this cannot be the name of a lock, or None."""
    if _NAME.fullmatch(name):
        return None
    if len(name) > LONGEST_NAME:
        return f"is too long for the name of a lock: at most {LONGEST_NAME} characters"
    return (
        'is not the name of a lock: it must begin with a letter or digit and have a-z, A-Z, 0-9, ".", "_" and "-" only'
    )


def file_of(folder: Path, name: str) -> Path:
    """Where the lock of that name is."""
    return folder / f"{name}{ENDING}"


def name_of(path: Path) -> str | None:
    """The name of the lock this file is of, or None."""
    name = path.name.removesuffix(ENDING)
    return name if name != path.name and _NAME.fullmatch(name) else None


def make_folder(folder: Path) -> int:
    """See to it that the folder is there; the mode its lock files have. Raises OSError.

    In a folder where everybody may write (the system's lock directory) so it is itself, and everybody may take the locks in it;
    else it is its owner's. One that is there already decides by its own mode.
    """
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.parent.stat().st_mode & _OPEN_TO_ALL == _OPEN_TO_ALL:
            folder.chmod(0o1777)
    return folder.stat().st_mode & 0o666
