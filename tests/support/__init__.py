"""What tests share: evaluators, executors and daemons to run for real."""
