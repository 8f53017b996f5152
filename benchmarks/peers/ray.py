"""Ray: one remote task an evaluation, results fetched."""

import time

import ray

from benchmarks.peers.report import arguments, noop, tell


def main() -> None:
    """Start all, then get all."""
    count, width = arguments()
    ray.init(num_cpus=width, include_dashboard=False, configure_logging=False, log_to_driver=False)
    remote = ray.remote(num_cpus=1)(noop)
    ray.get([remote.remote(number) for number in range(100)])
    begun = time.perf_counter()
    ray.get([remote.remote(float(number)) for number in range(count)])
    seconds = time.perf_counter() - begun
    ray.shutdown()
    tell(seconds)


if __name__ == "__main__":
    main()
