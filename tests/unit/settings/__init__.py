"""Claims about the settings of the daemon."""
