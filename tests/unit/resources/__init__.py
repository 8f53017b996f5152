"""Claims about readings of the machine."""
