"""Facts of one Python process that a profile is meant to move, as JSON on one line.

Run as a program in the environment of a profile: one that changes none of its facts emulates
nothing.
The numbers are hashed bit by bit, because a last bit is all that differs.
"""

from __future__ import annotations

import hashlib
import json
import locale
import os
import time
from pathlib import Path


def _bits(*things) -> str:
    return hashlib.sha256(
        b"".join(thing if isinstance(thing, bytes) else thing.tobytes() for thing in things)
    ).hexdigest()[:12]


def numbers() -> dict[str, str]:
    """Last bits of NumPy and, where it is installed, torch."""
    import numpy as np

    rng = np.random.default_rng(0)
    a = rng.normal(size=(150, 333))
    b = rng.normal(size=(333, 150))
    x = rng.normal(size=4001)
    values = {
        "openblas": _bits(a @ b),
        "numpy": _bits(np.sin(x), np.exp(x), np.exp(x.astype(np.float32))),
    }
    try:
        import torch
    except ImportError:
        return values
    s = torch.tensor(a, dtype=torch.float32)
    t = torch.tensor(b, dtype=torch.float32)
    image = torch.tensor(rng.normal(size=(4, 8, 30, 30)), dtype=torch.float32)
    kernel = torch.tensor(rng.normal(size=(16, 8, 3, 3)), dtype=torch.float32)
    long = torch.tensor(rng.normal(size=4_000_001), dtype=torch.float32)
    return {
        **values,
        "mkl": _bits((torch.tensor(a) @ torch.tensor(b)).numpy(), (s @ t).numpy()),
        "onednn": _bits(torch.nn.functional.conv2d(image, kernel).numpy()),
        "aten": _bits(torch.tanh(s).numpy(), torch.softmax(s, 1).numpy()),
        "torch threads": str(torch.get_num_threads()),
        "torch sum": _bits(long.sum().numpy()),
    }


def surroundings() -> dict[str, str]:
    """What a program sees of its computer besides the CPU."""
    try:
        locale.setlocale(locale.LC_ALL, "")
        words = " ".join(
            str(part)
            for part in (*locale.getlocale(), locale.format_string("%.1f", 1234.5, grouping=True))
        )
    except locale.Error as error:
        words = f"cannot be set: {error}"
    return {
        "hash": str(hash("ground truth")),
        "zone": f"{time.tzname[0]} {time.localtime(0).tm_hour}",
        "locale": words,
        "folder": _bits(os.getcwd().encode()),  # hashed: the path stays private
        "user": _bits(f"{os.environ.get('USER')} {Path.home()}".encode()),
    }


if __name__ == "__main__":
    print(json.dumps({**numbers(), **surroundings()}))
