"""Files an evaluation wants to keep: copied beside its output, as long as all of them together are not too large."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Any, Dict

FOLDER_ENDING = ".artifacts"
LONGEST_NAME_BYTES = 255


class Artifacts:
    """Those of one attempt."""

    def __init__(self, stem: str, limit_bytes: int) -> None:
        self._folder = stem + FOLDER_ENDING
        self._limit_bytes = limit_bytes
        self._sizes: Dict[str, int] = {}  # by name, of those that are kept

    def keep(self, path: str) -> Dict[str, Any]:
        """Copy a file; what is to be told of it. One of the same name as before replaces that.

        Raises OSError when it is not there or cannot be copied, ValueError when it is no file. `kept` is false when all together
        would be larger than the limit.
        """
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is not a file; pack a folder into one")
        name = os.path.basename(path)
        name.encode()  # a name that is not UTF-8 cannot be stored
        others = sum(size for other, size in self._sizes.items() if other != name)
        kept = others + status.st_size <= self._limit_bytes
        if kept:
            self._copy(path, name)
            self._sizes[name] = status.st_size
        return {"name": name, "bytes": status.st_size, "kept": kept}

    def _copy(self, path: str, name: str) -> None:
        if not self._sizes:  # what an interrupted start of the same attempt has left
            shutil.rmtree(self._folder, ignore_errors=True)
        os.makedirs(self._folder, 0o700, exist_ok=True)
        target = os.path.join(self._folder, name)
        partial = os.path.join(self._folder, ".partial")  # the name appears with its whole content
        shutil.copyfile(path, partial)
        os.replace(partial, target)
