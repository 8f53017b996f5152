"""Claims about bundled workloads."""
