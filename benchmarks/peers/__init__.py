"""The same evaluations on other systems: each is a program, `python -m benchmarks.peers.NAME COUNT WIDTH`, that prints its seconds.

Each warms up first and is then given the work in the way its manual shows, results fetched in the end. Not allowed: our package.
"""
