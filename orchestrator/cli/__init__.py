"""The command line: parse, send, render. One file a verb in `commands/`, loaded when the verb is used (`verbs` has the list).

`main` is the entry, `setup` what the global options say, `failures` how errors look and which exit status they have, `text` how values are
written, `follow` and `live` how progress is shown. Not allowed here: everything that runs in the daemon; rich anywhere but in `live`,
which is loaded when something is drawn on a terminal.
"""
