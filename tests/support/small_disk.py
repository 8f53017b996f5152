"""A real disk that is small and can be filled."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own in memory."""

    folder: Path

    @property
    def ballast(self) -> Path:
        """What takes the room."""
        return self.folder / "ballast"

    def fill(self) -> None:
        """Take all the room there is, to the last byte."""
        with self.ballast.open("ab", buffering=0) as file:
            for chunk in (bytes(CHUNK_BYTES), bytes(1)):
                try:
                    while True:
                        file.write(chunk)
                except OSError:
                    continue

    def free(self) -> None:
        """Give all that back."""
        self.ballast.unlink()


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount it at a folder, which is made. Skips the test where nothing can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=700", "none", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
