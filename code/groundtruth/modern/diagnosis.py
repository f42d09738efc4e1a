"""What the curves of a training run say about the cause of a failure.

Read with book/modern/diagnosing-training.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from groundtruth.modern.training_faults import CLASSES, WINDOW, Curves

CAP = 3.0  # features are limited to this size, in units of ln K


def initial_loss_ok(loss: float, classes: int, tolerance: float = 0.25) -> bool:
    """Whether the loss before training is that of equal probabilities, ln K, to a fraction of it.

    Raises
    ------
    ValueError
        For fewer than two classes or a tolerance that is not positive.

    Examples
    --------
    >>> initial_loss_ok(2.35, 10), initial_loss_ok(5.1, 10), initial_loss_ok(1.5, 10)
    (True, False, False)
    """
    if classes < 2 or not tolerance > 0:
        raise ValueError(
            f"need at least two classes and a positive tolerance, got {classes}, {tolerance}"
        )
    return bool(abs(loss / np.log(classes) - 1) <= tolerance)


def curve_features(curves: Curves, classes: int = CLASSES) -> dict[str, float]:
    """Twelve numbers that describe the shape of a training run; losses in units of ln K.

    Parameters
    ----------
    curves : Curves
        At least four windows; entries may be NaN or infinite.

    Raises
    ------
    ValueError
        For fewer than four windows or curves of different lengths.

    Examples
    --------
    >>> flat = np.full(8, np.log(10))
    >>> f = curve_features(Curves(np.log(10), np.repeat(flat, 25), flat, flat, np.full(8, 0.1)))
    >>> round(f["end"], 3), round(f["fall"], 3), f["gap"]
    (1.0, 0.0, 0.0)
    """
    w = len(curves.train)
    if w < 4 or not len(curves.val) == len(curves.accuracy) == w:
        raise ValueError(
            "need at least four windows and equally long curves, got"
            f" {w}, {len(curves.val)}, {len(curves.accuracy)}"
        )
    unit = np.log(classes)
    finite = np.isfinite(curves.train)
    train = np.nan_to_num(curves.train, nan=np.inf).clip(0, 1e6) / unit
    val = np.nan_to_num(curves.val, nan=np.inf).clip(0, 1e6) / unit
    last = np.nan_to_num(curves.batches[-2 * WINDOW :], nan=np.inf).clip(0, 1e6) / unit
    end = train[-1]
    fall = max(train[0] - end, 0.0)
    early = train[0] - train[: max(w // 4, 2)].min()
    features = {
        "not finite": 1.0 - finite.mean(),
        "start": curves.first / unit if np.isfinite(curves.first) else CAP,
        "first window": train[0],
        "fall": fall,
        "early": early / max(train[0] - train.min(), 0.02),
        "end": end,
        "log end": np.log10(max(end, 1e-3)),
        "gap": val[-1] - end,
        "log gap": np.log10(max(val[-1], 1e-3)) - np.log10(max(end, 1e-3)),
        "rise": val[-1] - val.min(),
        "roughness": last.std() / max(last.mean(), 1e-3),
        "accuracy": curves.accuracy[-1],
    }
    return {name: float(np.clip(value, -CAP, CAP)) for name, value in features.items()}


def diagnose(
    features: Mapping[str, float], gallery: Sequence[tuple[str, Mapping[str, float]]]
) -> list[tuple[str, float]]:
    """Causes by the distance of their nearest run in a gallery of known causes, nearest first.

    Each feature is divided by its mean standard deviation within the causes of the gallery, but
    at least 0.05, so that it counts by how little it varies while the cause stays the same.

    Raises
    ------
    ValueError
        For an empty gallery or features of other names.

    Examples
    --------
    >>> gallery = [("low", {"end": 0.0}), ("high", {"end": 1.0})]
    >>> [cause for cause, _ in diagnose({"end": 0.9}, gallery)]
    ['high', 'low']
    """
    if not gallery:
        raise ValueError("the gallery is empty")
    names = list(features)
    if any(set(known) != set(names) for _, known in gallery):
        raise ValueError(f"every run of the gallery needs the features {names}")
    table = np.array([[known[name] for name in names] for _, known in gallery])
    causes = np.array([cause for cause, _ in gallery])
    kinds = list(dict.fromkeys(causes.tolist()))
    within = np.mean([table[causes == kind].std(0) for kind in kinds], axis=0)
    gaps = (table - np.array([features[name] for name in names])) / np.maximum(within, 0.05)
    distance = np.sqrt((gaps**2).sum(1))
    nearest = {kind: float(distance[causes == kind].min()) for kind in kinds}
    return sorted(nearest.items(), key=lambda item: item[1])
