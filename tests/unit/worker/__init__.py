"""Claims about what runs inside children."""
