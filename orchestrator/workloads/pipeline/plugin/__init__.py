"""What runs inside the pytest of a checkout, under its interpreter: a folder that is put on that interpreter's path.

Not allowed here: anything but the standard library; the module needs CPython 3.9 only.
"""
