"""Reports of tools as facts: one file a format, each a plain function of the text.

Each raises GarbledReport for a text that is not what the tool documents. Not allowed here: running anything, reading files.
"""
