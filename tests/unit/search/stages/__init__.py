"""Claims about how stages ran and what would make them faster."""
