"""Which examples a step sees: epochs of shuffled examples, as a function of the step alone.

Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from projects.runner.rng import generator


def epochs(n: int, B: int, step: int, seed: int) -> Tensor:
    """Indices (B,) of step 0, 1, ... when n examples are shuffled anew in each epoch and dealt out
    in order.

    A batch may begin in one epoch and end in the next; every example is seen once before any is
    seen twice.

    Raises
    ------
    ValueError
        When there are no examples.

    Examples
    --------
    >>> sorted(torch.cat([epochs(5, 2, step, 0) for step in range(5)]).tolist())
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    """
    if n < 1 or B < 1 or step < 0:
        raise ValueError(
            f"need at least one example, a batch of at least one and a step >= 0, got {n}, {B} and "
            f"{step}"
        )
    first = step * B // n
    last = ((step + 1) * B - 1) // n
    dealt = torch.cat(
        [torch.randperm(n, generator=generator(seed, epoch)) for epoch in range(first, last + 1)]
    )
    start = step * B - first * n
    return dealt[start : start + B]
