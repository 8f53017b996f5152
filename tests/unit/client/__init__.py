"""Claims about the client."""
