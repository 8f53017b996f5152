"""Claims about the socket door's parts."""
