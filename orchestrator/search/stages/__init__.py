"""How the stages of an experiment ran, and what would make them faster: plain functions over values.

- `records`: the facts. `quantiles`, `student`: the arithmetic.
- `profile`, `placement`, `sizing`, `order`: what a stage is like, where it runs, how many run, which first.
- `graph`, `overlap`, `schedule`, `replay`: what waits for what, and what another plan would have taken.
- `figures` (`sums`), `bottlenecks`, `sla`, `history`: how it went.
- `advice` (`situation`, `speed`, `risks`): what to change, and what that is expected to bring.

Not allowed here: `await`, the clock, I/O, global randomness (an `rng` is an argument), a library beyond the standard one, and a number
that is not known: it is None, never 0.
"""
