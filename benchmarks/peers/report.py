"""What every peer has in common: two numbers in, one out."""

import json
import sys


def noop(value: float) -> float:
    """No work at all."""
    return value


def arguments() -> tuple[int, int]:
    """How many evaluations, and how many processes."""
    return int(sys.argv[1]), int(sys.argv[2])


def tell(seconds: float) -> None:
    """Print the answer as the last line."""
    print(json.dumps({"seconds": seconds}))
