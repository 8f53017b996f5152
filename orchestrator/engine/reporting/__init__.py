"""What an experiment came to, what it used, and why parts of it failed: one file a part of the report, plain functions over sums.

`report` puts the parts together. Not allowed here: reading attempts, iterations or variants by the thousand (the sums of the store are
there for that); changing anything.
"""
