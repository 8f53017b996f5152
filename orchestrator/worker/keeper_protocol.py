"""What the daemon and the keeper say to each other. Version 1.

UTF-8 JSON objects, one a line, over a stream socket. Either side ignores keys it does not know. An evaluation is named by
its *token*, the ref and the attempt (`12.3.1.2`): a start that is repeated with a token the keeper knows starts nothing.

To the keeper:

- `{"op": "hello", "versions": [1], "folder": "/…"}`: the first line of a connection, with the versions the daemon speaks (this one
  and the last) and the folder the keeper is to work in. The daemon that was greeted last is the one it serves.
- `{"op": "start", "job": {...}, "runs": [{...}, ...]}`: run these one after the other. The job holds what they share:
  `environment` (object), `workdir`, `timeout_seconds` (or null), `memory_bytes` (that its process tree may hold, or null),
  `output_bytes` (the most that is kept of a stream), and `locks` when so many descriptors of held lock files travel with the
  message (SCM_RIGHTS): the keeper and what it starts hold them until the last of the runs has ended.
  A run holds `token`, `argv` (its first item is looked up in the PATH of the environment), `environment` (added to the
  job's, as are ORC_PARAMS, ORC_RESULT and ORC_SCRATCH), `parameters` (the text of the file ORC_PARAMS), `out` and `err`
  (where its output shall be; a stream that stays empty makes no file, one that does not appears within a second), and `queue_seconds`
  (how long it had waited to be sent, or null: kept for a daemon that does not know it).
- `{"op": "kill", "tokens": [...]}`: end the whole process tree of each; drop those that have not begun.
- `{"op": "acknowledge", "tokens": [...]}`: their ends are on record with the daemon; the keeper forgets them.
- `{"op": "leave"}`: kill everything, forget everything, and leave.

From the keeper:

- `{"event": "hello", "version": 1, "pid", "start_ticks", "boot_id", "instance", "cgroup", "chains": [[token ...] ...],
  "running": [started ...], "ended": [ended ...]}`: the answer to hello: what runs and what waits for it, in order; who runs; and the ends that
  nobody has acknowledged, those that another daemon did not hear among them. `instance` names the range of marks its children carry (see `keeper_system`), so that
  whoever survives the keeper can find all of them; it is known before the first of them runs. `cgroup` is why limits of memory are
  not held by control groups, or null when they are.
- `{"event": "refused", "message"}`: the keeper cannot work there, or speaks none of the versions. It hangs up.
- `{"event": "started", "token", "pid", "start_ticks", "mark", "started_us"}`.
- `{"event": "ended", "token", "status", "pid", "start_ticks", "started_us", "finished_us", "wall_seconds", "cpu_seconds",
  "max_rss_bytes", "output_bytes", "read_bytes", "written_bytes", "queue_seconds", "timed_out", "killed", "exceeded_bytes", "problem",
  "result", "last_line", "too_long", "errors", "scratch"}`: nothing of its process tree is alive any more. `status` is the exit status or minus the signal.
  `exceeded_bytes` is what it held when it was killed because that was more than `memory_bytes`, or null. When nothing could
  be started `status` is null and `problem` is `{"kind": "workdir" | "files" | "program" | "process", "path", "errno", "message"}`. `result` is
  what was in the result file, `last_line` the last line of its output when there is none and a JSON object may be on it; `too_long` is
  `{"kind": "result" | "last_line", "bytes", "limit_bytes"}` instead of one of them that is longer than what is read. `errors` is the end of
  its error output when it failed; each is null when there is none. `scratch` is where its scratch folder has been put when
  something is in it: the daemon keeps or removes it. `lost` is there when it was under a keeper that has died ("keeper"), or that
  went down with its machine ("machine"): nothing else is known of it then. An end is written to the disk before it is told.
- `{"event": "dropped", "token"}`: killed before it had begun.

A daemon that hangs up leaves the work running: the next one is told of it.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Union

VERSION = 1

Message = Dict[str, Any]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def encode(message: Union[Message, str]) -> bytes:
    """One message, or a name in one, as one line. Raises ValueError for a number that is not finite only on the reader's side."""
    return _encode(message).encode("ascii") + b"\n"


class Lines:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> List[Message]:
        """The messages that are complete with these bytes; empty lines are none. Raises ValueError for a line that is not JSON."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines if line]
