"""What each source of randomness draws from seed 0, as JSON: the control of a shift of the seeds.

Run as a program in the environment of a shift: a source that draws as before was not shifted.
"""

from __future__ import annotations

import json
import random


def draws() -> dict[str, list[float]]:
    """Three numbers from each installed source, seeded with 0."""
    import numpy as np

    random.seed(0)
    np.random.seed(0)
    values = {
        "random.seed": [random.random() for _ in range(3)],
        "random.Random": [number for number in map(random.Random(0).uniform, [0] * 3, [1] * 3)],
        "numpy.random.default_rng": np.random.default_rng(0).random(3).tolist(),
        "numpy.random.default_rng of a list": np.random.default_rng([0, 1]).random(3).tolist(),
        "numpy.random.seed": np.random.random(3).tolist(),
        "numpy.random.RandomState": np.random.RandomState(0).random(3).tolist(),
    }
    try:
        from sklearn.model_selection import train_test_split
        from sklearn.utils import check_random_state
    except ImportError:
        pass
    else:
        rows = train_test_split(range(100), test_size=3, random_state=0)[1]
        values["sklearn train_test_split"] = [float(row) for row in rows]
        values["sklearn check_random_state"] = check_random_state(0).random_sample(3).tolist()
    try:
        import torch
    except ImportError:
        return values
    torch.manual_seed(0)
    values["torch.manual_seed"] = torch.rand(3).tolist()
    generator = torch.Generator().manual_seed(0)
    values["torch.Generator"] = torch.rand(3, generator=generator).tolist()
    return values


if __name__ == "__main__":
    print(json.dumps(draws()))
