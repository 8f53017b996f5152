"""Optuna: random trials in an SQLite study, in one process (its study is what makes them durable)."""

import tempfile
import time

import optuna

from benchmarks.peers.report import arguments, tell


def objective(trial: optuna.Trial) -> float:
    """No work but the one number that is searched."""
    return float(trial.suggest_float("x", 0.0, 1.0))


def main() -> None:
    """Optimise for so many trials."""
    count, _ = arguments()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory(dir="output") as folder:
        study = optuna.create_study(
            storage=f"sqlite:///{folder}/study.db", sampler=optuna.samplers.RandomSampler(seed=1)
        )
        study.optimize(objective, n_trials=10)
        begun = time.perf_counter()
        study.optimize(objective, n_trials=count)
        tell(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
