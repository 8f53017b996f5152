"""Claims about plain values: nothing sleeps, polls or mocks our own code. One folder a room."""
