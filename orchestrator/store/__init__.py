"""What is remembered: one SQLite file with one writer (`writer.py`), read-only views (`views.py`), SQL in `.sql` files.

A change of state is a frozen value in `changes/` that the writer applies inside its transaction; every move of a state goes
through `moves.py`, which checks the table of `domain/states.py` and adds the event. Not allowed here: the engine, deciding anything.

Rows travel as one JSON text each way: a statement that handles ten thousand rows is then one step outside the interpreter lock
instead of ten thousand fights for it (docs/decisions/001-rows-as-json.md).
"""
