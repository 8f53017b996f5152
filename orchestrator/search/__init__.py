"""What to try next, what passes, what wins, what to do after a round: plain functions and small classes over values.

Generators and selectors are one strategy a file and come through `registry`; the rest are functions.
`stages` has a door of its own: how the stages of an experiment ran, and what would make them faster.

Not allowed here: `await`, the clock, global randomness (an `rng` is an argument), I/O beyond loading a registered strategy,
the engine, the store. A library for one strategy (numpy, scipy, optuna) is imported in that strategy's file only.
"""
