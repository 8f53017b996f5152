"""What every member of a contract owes its callers: one suite a contract, and every member passes it."""
