"""How the stages of an experiment ran, and what would make them faster: plain functions over values.

`records` are the facts; `profile` and `placement` say what a stage is and where it runs, `sizing` and `order` how many run and which
first; `graph`, `schedule` and `replay` compute what a plan would take; `figures`, `bottlenecks`, `sla`, `history` and `advice` judge.
`quantiles` and `student` are the arithmetic below.

Not allowed here: `await`, the clock, I/O, global randomness (an `rng` is an argument), a library beyond the standard one, and a number
that is not known: it is None, never 0.
"""
