"""The standard library's pool: one future a task. Nothing is written down."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.peers.report import arguments, noop, tell


def main() -> None:
    """Submit one by one, then wait for all."""
    count, width = arguments()
    with ProcessPoolExecutor(width, mp_context=get_context("spawn")) as pool:
        list(pool.map(noop, range(100)))
        begun = time.perf_counter()
        futures = [pool.submit(noop, float(number)) for number in range(count)]
        for future in futures:
            future.result()
        tell(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
