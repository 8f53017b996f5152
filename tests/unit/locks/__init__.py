"""Claims about PID lock files."""
