"""Claims about what is tried next, what passes, what wins and what follows a round."""
