"""What is remembered: one SQLite file with one writer (`writer.py`), read-only views (`views.py`), SQL in `.sql` files.

A change of state is a frozen value in `changes/` that the writer applies inside its transaction; every move of a state goes
through `moves.py`, which checks the table of `domain/states.py` and adds the event. Not allowed here: the engine, deciding anything.

Rows go in a few hundred at a step and come out as one JSON text a page, since every step gives the interpreter lock up and asks for
it again (docs/decisions/001-few-steps-outside-the-lock.md).
"""
