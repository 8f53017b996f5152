"""The composition root: builds every object in order and tears down in reverse.

`main.py` reads options and settings, sets up logging and takes the lock; `application.py` opens store, executors, engine and the
socket; the rest is what surrounds them: signals, systemd, idle exit, logs. Not allowed here: deciding anything about experiments;
being imported by any other room.
"""
