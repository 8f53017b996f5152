"""Bundled guests: workloads an experiment file can call, written as any user could have written them.

Inside: `pipeline`, quality gates on a real checkout.

Not allowed here: anything of the house but `errors`, `domain` and `worker`.
"""
