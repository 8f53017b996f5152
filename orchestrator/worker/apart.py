"""Imported by the process that slots are forked from, and by no other: to be imported is all it can be told.

It leaves the daemon's process group. A signal for all of that, from a terminal or from `timeout`, asks the daemon to stop; who runs in
its processes is to finish.
"""

import os

os.setpgid(0, 0)
