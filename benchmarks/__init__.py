"""Ratios against peers and floors that are measured in the same run: `make bench` prints one table and writes JSON to output/.

One file a question, each with a function `rows(plan)`; `peers/` holds the same work for other systems, each a program of its own.
Not allowed here: timed assertions, numbers without a peer or a floor, anything that the tests import.
"""
