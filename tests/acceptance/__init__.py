"""Claims about each verb, made with real processes: the command line, the daemon it starts, its database."""
