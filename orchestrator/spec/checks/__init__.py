"""Checks across the parts of an experiment file: each is a function of a draft that yields findings.

Not allowed here: knowing where the text came from; I/O beyond asking whether a folder exists.
"""
