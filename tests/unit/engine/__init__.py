"""Claims about what the engine decides: plain functions, values in, all returned values compared."""
