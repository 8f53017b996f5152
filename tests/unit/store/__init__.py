"""Claims about what is remembered, each over a real database file of its own."""
