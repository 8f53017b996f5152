"""One file a verb, each with its `command`. Not allowed here: importing another verb."""
