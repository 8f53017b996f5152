"""Claims about the command line that need no daemon."""
