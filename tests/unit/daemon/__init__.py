"""Claims about the parts of the daemon that need no running daemon."""
