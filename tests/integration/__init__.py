"""Claims about rooms together and about real processes: they wait on events, with a deadline."""
