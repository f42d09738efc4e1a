"""AUC and the lasso beside scikit-learn, Adam and the tape beside torch, as ratios from one run."""

from __future__ import annotations

import os

# the two take turns: threads of one that spin while they wait would take the cores from the other
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from itertools import pairwise

import numpy as np
import torch
from groundtruth.learning.metrics import auc
from groundtruth.learning.optimizers import Adam
from groundtruth.learning.tape import Tensor
from sklearn.metrics import roc_auc_score

from tests.bench.timing import ratio


def adam(check: bool, size: int = 10_000_000) -> float:
    """One step of Adam on `size` float32 numbers over torch's fused one, which checks nothing."""
    rng = np.random.default_rng(0)
    p, g = (rng.normal(size=size).astype(np.float32) for _ in range(2))
    twin = torch.tensor(p.copy(), requires_grad=True)
    twin.grad = torch.tensor(g)
    ours, theirs = Adam([p], 1e-3), torch.optim.Adam([twin], 1e-3, fused=True)
    return ratio(lambda: ours.step([g], check), theirs.step, 40)


def network() -> float:
    """Gradients of a network 64-256-256-10 on 256 rows, float64, on our tape over torch's."""
    rng = np.random.default_rng(0)
    sizes = (64, 256, 256, 10)
    weights = [rng.normal(0, a**-0.5, (a, b)) for a, b in pairwise(sizes)]
    x = rng.normal(size=(256, 64))

    def ours() -> None:
        leaves, h = [Tensor(w) for w in weights], Tensor(x)
        for i, w in enumerate(leaves):
            h = h @ w if i == 2 else (h @ w).tanh()
        (h * h).mean().backward()

    def theirs() -> None:
        leaves, h = [torch.tensor(w, requires_grad=True) for w in weights], torch.tensor(x)
        for i, w in enumerate(leaves):
            h = h @ w if i == 2 else (h @ w).tanh()
        (h * h).mean().backward()

    return ratio(ours, theirs, 15)


def lasso() -> float:
    """A hundred lasso fits of 1000 rows and 100 columns, off the path, over scikit-learn's."""
    from groundtruth.learning.regularization import lasso_path
    from sklearn.linear_model import lasso_path as theirs

    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 100))
    X -= X.mean(0)
    y = X[:, :10].sum(1) + rng.normal(size=1000)
    y -= y.mean()
    lams = np.geomspace(1, 0.01, 100) * np.abs(X.T @ y).max() / 1000
    return ratio(lambda: lasso_path(X, y, lams), lambda: theirs(X, y, alphas=lams), 15)


def main() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1_000_000)
    s = rng.normal(y)
    scores = ratio(lambda: auc(y, s), lambda: roc_auc_score(y, s), 5)
    print(f"AUC of a million scores: time ratio {scores:.2f} (at most 1.2)")
    print(
        "Adam, ten million parameters: time ratio to torch's fused step "
        f"{adam(check=False):.2f} (at most 2); with its check of gradients {adam(check=True):.2f}"
    )
    print(
        f"a lasso path of a hundred penalties: time ratio to scikit-learn {lasso():.2f} (at most 3)"
    )
    print(f"a network's gradients on the tape: time ratio to torch {network():.2f} (at most 5)")


if __name__ == "__main__":
    main()
