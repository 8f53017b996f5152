"""Orchestrator: hierarchical experiments on a machine you own.

The package root imports nothing, so that a fresh worker process and `orc --help` start fast. Look into the rooms:
`domain/states.py` (the states), `engine/conductor.py` (the workflow), `engine/dispatcher.py` (admission),
`executors/base.py` (what running means), `client` (the Python client).
"""

__version__ = "0.1.0"
