"""Imported by the process that slots are forked from: to be imported is all it can be told. Anywhere else it does nothing.

It leaves the daemon's process group. A signal for all of that, from a terminal or from `timeout`, asks the daemon to stop; who runs in
its processes is to finish.
"""

import os
import sys

if any("multiprocessing.forkserver" in word for word in getattr(sys, "orig_argv", ())):  # it came with CPython 3.10
    os.setpgid(0, 0)
