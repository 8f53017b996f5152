"""Claims about the parts of executors that are plain functions."""
