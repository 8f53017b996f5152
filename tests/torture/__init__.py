"""Long campaigns: processes are killed at random, and what is left is compared with an undisturbed run."""
