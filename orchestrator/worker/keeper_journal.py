"""What outlives the keeper: a file that says who it is, what it has begun, and what came of it.

JSON objects, one a line, appended and synced before anything follows from them:

- `{"keeper": {"pid", "start_ticks", "boot_id", "instance"}}`: the first line.
- `{"planned": {token: mark, ...}}`: what was sent together. Synced before the first of them is born, with its mark.
- `{"begun": token, "mark", "folder", "out", "err", "output_bytes", "queue_seconds"}`: written before its process is born. It needs no sync: after the
  machine has gone down nothing runs, whatever had begun.
- `{"started": token, "pid", "start_ticks", "started_us"}`: which process that was; not synced, as it adds to the mark only.
- `{"ended": token, "message"}`: synced before the end is told.
- `{"forgotten": [token, ...]}`: their ends are on record with the daemon; not synced, as they would only be told again.

Lines that name nothing alive are left out whenever the file is written anew, which happens before it has grown much. A keeper that
leaves with nothing in its care removes the file.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from orchestrator.worker.keeper_protocol import Message, encode

_REWRITE_BYTES = 1 << 20
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class Past(NamedTuple):
    """What a keeper has left behind."""

    keeper: Optional[Message]  # who it was; None when it had not begun to work
    begun: Dict[str, Message]  # without an end
    ended: Dict[str, Message]  # the messages nobody has acknowledged


def read_past(path: str) -> Past:
    """What stands in a journal; a line that was being written when its keeper died counts for nothing. Raises OSError."""
    past = Past(None, {}, {})
    try:
        with open(path, "rb") as file:
            for line in file:
                past = _with_line(past, line)
    except FileNotFoundError:
        pass
    return past


def _with_line(past: Past, line: bytes) -> Past:
    try:
        record = json.loads(line)
    except ValueError:
        return past
    if "keeper" in record:
        return past._replace(keeper=record["keeper"])
    if "begun" in record:
        past.begun[record["begun"]] = record
    elif "started" in record:
        past.begun.get(record["started"], {}).update(record)
    elif "ended" in record:
        past.begun.pop(record["ended"], None)
        past.ended[record["ended"]] = record["message"]
    for token in record.get("forgotten", ()):
        past.begun.pop(token, None)
        past.ended.pop(token, None)
    return past


class Journal:
    """The file, and the lines in it that still count. What an earlier keeper has ended is carried over. Raises OSError."""

    def __init__(self, path: str, *, keeper: Message, ended: Dict[str, Message]) -> None:
        self._path = path
        self._first = {"keeper": keeper}
        self._planned: Dict[str, int] = {}
        self._begun: Dict[str, Message] = {}
        self._ended: Dict[str, Message] = {
            token: {"ended": token, "message": message} for token, message in ended.items()
        }
        self._unwritten = bytearray()
        self._unsynced = False
        self._descriptor = -1
        self._size = self._rewrite_at = 0
        self._rewrite()

    def plan(self, marks: Dict[str, int]) -> None:
        """These will be born one after the other, with these marks, once this is synced."""
        self._planned.update(marks)
        self._add(encode({"planned": marks}), sync=True)

    def begin(self, token: str, facts: Message) -> None:
        """Its process will be born once this is written."""
        self._planned.pop(token, None)
        self._begun[token] = {"begun": token, **facts}
        self._add(encode(self._begun[token]), sync=False)

    def started(self, token: str, facts: Message) -> None:
        """Its process has been born."""
        self._begun[token].update(facts)
        self._add(encode({"started": token, **facts}), sync=False)

    def end(self, token: str, message: Message) -> bytes:
        """It has ended, and that is to be told once it is synced: the message as it is sent."""
        self._planned.pop(token, None)
        self._begun.pop(token, None)
        self._ended[token] = {"ended": token, "message": message}
        line = encode(message)
        self._add(b'{"ended":%s,"message":%s}\n' % (encode(token)[:-1], line[:-1]), sync=True)
        return line

    def forget(self, tokens: List[str]) -> None:
        """Nobody will ask for these again."""
        pools: Tuple[Dict[str, Any], ...] = (self._ended, self._begun, self._planned)
        known = [token for token in tokens if any(pool.pop(token, None) for pool in pools)]  # it is in one of them
        if known:
            self._add(encode({"forgotten": known}), sync=False)

    def forget_all(self) -> None:
        """Nobody will ask for any of them."""
        self.forget([*self._planned, *self._begun, *self._ended])

    def end_of(self, token: str) -> Optional[Message]:
        """What is told of its end, when it has ended and nobody has acknowledged that."""
        record = self._ended.get(token)
        message: Optional[Message] = None if record is None else record["message"]
        return message

    @property
    def ends(self) -> List[Message]:
        """The ends nobody has acknowledged."""
        return [record["message"] for record in self._ended.values()]

    @property
    def empty(self) -> bool:
        """Whether nothing in it counts any more."""
        return not (self._planned or self._begun or self._ended)

    def sync(self) -> bool:
        """Bring what was added to the disk. False when the disk does not take it: it is tried again with the next."""
        try:
            self._write()
            if self._unsynced:
                os.fdatasync(self._descriptor)
                self._unsynced = False
        except OSError:
            return False
        if self._size > self._rewrite_at:
            self._rewrite_if_possible()
        return True

    def write(self) -> bool:
        """Hand over what needs no sync. False when it cannot be written now: it is written with the next."""
        try:
            self._write()
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Leave nothing."""
        os.close(self._descriptor)
        os.unlink(self._path)

    def _add(self, line: bytes, *, sync: bool) -> None:
        self._unwritten += line
        self._unsynced = self._unsynced or sync

    def _write(self) -> None:
        while self._unwritten:
            written = os.write(self._descriptor, self._unwritten)
            self._size += written
            del self._unwritten[:written]

    def _rewrite_if_possible(self) -> None:
        try:
            self._rewrite()
        except OSError:  # a full disk: the old one goes on
            self._rewrite_at = 2 * self._size

    def _rewrite(self) -> None:
        """A new file with what counts, in place of the old one. Raises OSError."""
        fresh = self._path + ".new"
        descriptor = os.open(fresh, _APPEND, 0o600)
        try:
            size = 0
            for record in (self._first, {"planned": self._planned}, *self._begun.values(), *self._ended.values()):
                size += _write_whole(descriptor, encode(record))
            os.fsync(descriptor)
            os.rename(fresh, self._path)
            sync_folder(os.path.dirname(self._path))
        except OSError:
            os.close(descriptor)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._size, self._rewrite_at = size, _REWRITE_BYTES + 2 * size


def _write_whole(descriptor: int, line: bytes) -> int:
    if os.write(descriptor, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return len(line)


def sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
