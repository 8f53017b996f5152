"""Claims about the program, by cost: unit, contract, integration, acceptance."""
