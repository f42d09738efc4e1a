"""Started by Python itself in a kernel under other seeds: shifts every seed that a page sets.

The folder of this file is first on the path of such a kernel, and GROUNDTRUTH_SEED_SHIFT holds the
shift. A page that seeds a generator with 0 gets another stream. Patched on first import:
the generators of the standard library, of NumPy and of torch; scikit-learn uses
NumPy's.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import random
import sys
from typing import Any

SHIFT = int(os.environ.get("GROUNDTRUTH_SEED_SHIFT", "0"))
STRIDE = 100_003  # prime and larger than the seeds on pages, so that no two shifts share a stream


def shifted(seed: Any) -> Any:
    """Another seed for a whole number or a sequence of them; anything else is left alone."""
    if isinstance(seed, bool) or seed is None:
        return seed
    if isinstance(seed, (list, tuple)):
        return [*seed, SHIFT]
    if hasattr(seed, "__index__"):
        return (int(seed) + STRIDE * SHIFT) % 2**32
    return seed


def _passing_for(original: type) -> type:
    """A metaclass: an instance of `original` counts as one of its classes."""

    class PassingFor(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, original)

    return PassingFor


def patch_random() -> None:
    """`random.seed` and `random.Random`."""
    original = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        original(self, shifted(a), version)

    class Random(random.Random):
        def __init__(self, x: Any = None) -> None:
            super().__init__(shifted(x))

    default = random._inst  # type: ignore[attr-defined]
    random.seed = lambda a=None, version=2: seed(default, a, version)
    random.Random = Random  # type: ignore[misc]


def patch_numpy(numpy_random: Any) -> None:
    """`default_rng`, `SeedSequence`, `seed` and `RandomState`."""
    default_rng = numpy_random.default_rng
    legacy_seed = numpy_random.seed
    State = numpy_random.RandomState

    class RandomState(State, metaclass=_passing_for(State)):  # type: ignore[metaclass, misc, valid-type]
        def __init__(self, seed: Any = None) -> None:
            super().__init__(shifted(seed))

    numpy_random.default_rng = lambda seed=None: default_rng(shifted(seed))
    numpy_random.seed = lambda seed=None: legacy_seed(shifted(seed))
    numpy_random.RandomState = RandomState


def patch_torch(torch: Any) -> None:
    """`torch.manual_seed` and the generators."""
    manual_seed = torch.manual_seed
    Original = torch.Generator

    class Generator(Original, metaclass=_passing_for(Original)):  # type: ignore[metaclass, misc, valid-type]
        def manual_seed(self, seed: int) -> Any:
            super().manual_seed(shifted(seed))
            return self

    torch.manual_seed = lambda seed: manual_seed(shifted(seed))
    torch.random.manual_seed = torch.manual_seed
    torch.Generator = Generator


PATCHES = {"numpy.random": patch_numpy, "torch": patch_torch}


class Finder(importlib.abc.MetaPathFinder):
    """Patches a module as soon as it has been imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in PATCHES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_patch(module: Any) -> None:
            load(module)
            PATCHES[name](module)

        spec.loader.exec_module = load_and_patch  # type: ignore[method-assign]
        return spec


if SHIFT:
    patch_random()
    sys.meta_path.insert(0, Finder())
