"""What can change: one frozen value a change, grouped by what it is about.

A change is data plus `apply`, which the writer runs within its transaction. It decides nothing; what it is refused for is a state
that does not allow it.
"""
