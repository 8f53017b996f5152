"""Claims about the words of the model: refs, states and moves, identity by content."""
