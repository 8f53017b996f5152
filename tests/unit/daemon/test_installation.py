"""Claims about noticing that the installation has gone: as soon as it happens, however it happens, and only then."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from orchestrator.daemon.installation import own_files, until_gone

pytestmark = pytest.mark.asyncio
PATIENCE_SECONDS = 10.0


def replaced(path: Path) -> None:
    """As an upgrade does."""
    (path.parent / "new").write_text("new")
    (path.parent / "new").rename(path)


def written_anew(path: Path) -> None:
    """Removed, and another file made in its place at once: some file systems give it the same number."""
    path.unlink()
    path.write_text("new")


def removed_with_its_folder(path: Path) -> None:
    """As `rm -rf` does."""
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    "change", [os.unlink, replaced, written_anew, removed_with_its_folder], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("kind", ["file", "link", "second name"])
async def test_a_file_that_goes_is_noticed(tmp_path: Path, change: Callable[[Path], None], kind: str) -> None:
    """A file, a symbolic link whose target stays, or a name of a file that has another one: removed or replaced."""
    folder, stays = tmp_path / "installation", tmp_path / "stays"
    folder.mkdir()
    stays.write_text("stays")
    goes = folder / "goes"
    if kind == "link":
        goes.symlink_to(stays)
    elif kind == "second name":
        goes.hardlink_to(stays)
    else:
        goes.write_text("goes")
    found: list[Path] = []
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                found.append(await until_gone([stays, goes]))

            tasks.start_soon(watch)
            await anyio.wait_all_tasks_blocked()
            stays.chmod(0o600)  # something happens to it, and it is there
            await anyio.wait_all_tasks_blocked()
            assert not found
            change(goes)
    assert found == [goes]


async def test_what_this_program_runs_from_is_there() -> None:
    """Its own files exist: nobody is told that they were gone from the beginning."""
    assert [path.exists() for path in own_files()] == [True, True]
    with anyio.move_on_after(0.05) as waited:
        await until_gone(own_files())
    assert waited.cancelled_caught
