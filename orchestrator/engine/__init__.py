"""Who decides and who acts: `orchestrator.py` (the facade), `conductor.py` (one experiment's workflow), `dispatcher.py` (admission).

Deciding is in plain functions (`admission.py`, `batching.py`, `settling.py`, `progress.py`) that take values and return what should
be done; the classes carry it out. Not allowed here: settings, HTTP, user code in this process.
"""
