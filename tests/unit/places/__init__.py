"""Claims about where things are."""
