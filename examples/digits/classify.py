"""Train a classifier on some folds of scikit-learn's handwritten digits and count how many of the rest it gets right."""

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC


class Trial(Protocol):
    """What this evaluation reads of the trial it is given."""

    case: str
    seed: int
    arguments: Mapping[str, Any]


def evaluate(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Accuracy (share of the held-out digits named rightly) for the fold that is the trial's case."""
    images, digits = dataset()
    training, held_out = folds(trial.arguments["folds"], trial.arguments["split_seed"])[int(trial.case) - 1]
    model = classifier(params, trial.seed)
    model.fit(images[training], digits[training])
    named = model.predict(images[held_out])
    print(f"fold {trial.case}: {int((named != digits[held_out]).sum())} of {len(held_out)} named wrongly")
    return {"accuracy": float(accuracy_score(digits[held_out], named))}


def classifier(params: Mapping[str, Any], seed: int) -> ClassifierMixin:
    """The untrained model that the parameters describe; all its randomness comes from the seed."""
    match params["model"]:
        case "support_vectors":
            return SVC(C=params["svc_cost"], gamma=params["svc_gamma"], random_state=seed)
        case "neighbours":
            return KNeighborsClassifier(n_neighbors=params["neighbour_count"], weights=params["neighbour_weights"])
        case _:
            return ExtraTreesClassifier(
                n_estimators=params["tree_count"], max_features=params["tree_features"], random_state=seed
            )


@functools.cache
def dataset() -> tuple[numpy.ndarray, numpy.ndarray]:
    """1,797 images of 8 × 8 pixels as rows of 64 numbers between 0 and 1, and the digit that each one shows."""
    images, digits = load_digits(return_X_y=True)
    return images / 16.0, digits


@functools.cache
def folds(count: int, split_seed: int) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """The (training, held out) row numbers of each fold: the same for every variant, so that they can be compared."""
    images, digits = dataset()
    return list(StratifiedKFold(count, shuffle=True, random_state=split_seed).split(images, digits))
