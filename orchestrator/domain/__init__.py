"""The words of the model as frozen facts: ids and refs, states and the legal moves between them, seeds, outcomes, events.

Not allowed here: I/O, the clock, randomness, logging.
"""
