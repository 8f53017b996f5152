"""Dask: a local cluster of processes with one thread each, `client.map`, results gathered."""

import time

import distributed

from benchmarks.peers.report import arguments, noop, tell


def main() -> None:
    """Map, then gather."""
    count, width = arguments()
    cluster = distributed.LocalCluster(n_workers=width, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        client.gather(client.map(noop, range(100)))
        begun = time.perf_counter()
        client.gather(client.map(noop, [number + 0.5 for number in range(count)]))
        tell(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
