"""Settings of a run: a dataclass a project extends, presets by name, overrides by key.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, TypeVar, get_type_hints

from clikit.errors import Exit, UserError, nearest

LARGEST_GENERATOR_SEED = 2**63 - 1
LARGEST_SEED = 2**53  # times 1000 it fits into the 63 bits of torch's seeds
S = TypeVar("S", bound="Settings")
LENGTHS = ("steps", "eval_every", "save_every", "keep")  # may change when a run is resumed


MEANINGS = {  # what other programs call a setting
    "lr": "learning_rate",
    "min_lr": "final_rate",
    "epochs": "steps",
    "iterations": "steps",
    "max_iters": "steps",
    "max_steps": "steps",
    "bs": "batch_size",
    "batch": "batch_size",
    "grad_accum": "micro_batch",
    "gradient_accumulation_steps": "micro_batch",
    "warmup": "warmup_steps",
    "wd": "weight_decay",
    "grad_clip": "clip_norm",
    "max_grad_norm": "clip_norm",
    "ema_decay": "ema",
    "random_state": "seed",
    "n_layer": "layers",
    "num_layers": "layers",
    "n_head": "heads",
    "num_heads": "heads",
    "n_kv_heads": "kv_heads",
    "n_embd": "width",
    "d_model": "width",
    "hidden_size": "width",
    "block_size": "context",
    "seq_len": "context",
    "max_length": "context",
    "vocab_size": "merges",
    "tie_weights": "tie",
    "dataset": "data",
    "lora_r": "rank",
    "r": "rank",
}


@dataclass(frozen=True)
class Settings:
    """What every training run needs; a project adds its own fields.

    Lengths count optimizer steps; a step sees `batch_size` examples, over all processes and
    micro-batches.
    """

    steps: int = 100
    batch_size: int = 16
    micro_batch: int = 0  # examples at a time in one process; 0: its whole share of the batch
    learning_rate: float = 1e-3
    warmup_steps: int = 0
    final_rate: float = 0.1  # share of the learning rate left at the last step (cosine)
    weight_decay: float = 0.0
    clip_norm: float = 1.0  # largest norm of the gradient; 0: no clipping
    ema: float = 0.0  # decay of the averaged weights that are evaluated and sampled; 0: none
    eval_every: int = 50
    save_every: int = 50
    keep: int = 2  # checkpoints kept, besides the best
    seed: int = 0

    def check(self) -> None:
        """Refuse values that cannot be trained with; a project extends this."""
        finite(self)
        for name in ("steps", "batch_size", "eval_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise wrong(name, getattr(self, name), "must be at least 1")
        for name in ("micro_batch", "warmup_steps", "weight_decay", "clip_norm", "seed"):
            if not getattr(self, name) >= 0:
                raise wrong(name, getattr(self, name), "must not be negative")
        if self.learning_rate <= 0:
            raise wrong("learning_rate", self.learning_rate, "must be positive")
        if self.seed > LARGEST_SEED:
            raise wrong("seed", self.seed, f"must be at most {LARGEST_SEED}")
        if not 0 <= self.final_rate <= 1:
            raise wrong("final_rate", self.final_rate, "is a share between 0 and 1")
        if not 0 <= self.ema < 1:
            raise wrong("ema", self.ema, "is a decay of at least 0 and below 1")


def finite(options: Any) -> None:
    """Refuse a field of a dataclass that is a number but not a finite one.

    Raises
    ------
    UserError
        For NaN and for infinity.
    """
    for field in fields(options):
        value = getattr(options, field.name)
        if isinstance(value, float) and not isfinite(value):
            raise wrong(field.name, value, "is not a finite number")


def check_types(options: Any) -> None:
    """Refuse a value that is not of the type of its field; a whole number is a float too.

    Raises
    ------
    TypeError
        With the name and the value.
    """
    for name, kind in get_type_hints(type(options)).items():
        value = getattr(options, name)
        fits = type(value) is kind or (kind is float and type(value) is int)
        if isinstance(kind, type) and not fits:
            raise TypeError(f"{name}={value!r} is not of type {kind.__name__}")


def check_seed(seed: int) -> None:
    """Refuse a seed that torch's generators do not take.

    Raises
    ------
    UserError
        When it does not fit into 63 bits and a sign.
    """
    if abs(seed) > LARGEST_GENERATOR_SEED:
        raise wrong("seed", seed, "must fit into 63 bits")


def wrong(name: str, value: Any, why: str) -> UserError:
    """The error of a setting whose value makes no sense."""
    return UserError(f"{name}={value!r} {why}", f"give another value: --set {name}=...", Exit.USAGE)


def choose(
    base: S, presets: Mapping[str, Mapping[str, Any]], preset: str, overrides: Iterable[str] = ()
) -> S:
    """Settings of a preset with `key=value` overrides on top.

    Raises
    ------
    UserError
        For an unknown preset or key (with the nearest valid name) and for a value of the wrong
        type.
    """
    if preset not in presets:
        raise UserError(
            f"there is no preset {preset!r}{nearest(preset, presets)}",
            f"choose one of: {', '.join(presets)}",
            Exit.USAGE,
        )
    chosen = override(replace(base, **presets[preset]), overrides)
    chosen.check()
    return chosen


def override(settings: Any, pairs: Iterable[str]) -> Any:
    """A copy of a settings dataclass with `key=value` texts applied, each parsed by the type of its
    field.
    """
    hints = get_type_hints(type(settings))
    names = [field.name for field in fields(settings)]
    changes = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UserError(
                f"{pair!r} is not of the form key=value",
                "for example: --set learning_rate=3e-4",
                Exit.USAGE,
            )
        if key not in names:
            raise UserError(
                f"there is no setting {key!r}{_suggestion(key, names)}",
                f"the settings are: {', '.join(names)}",
                Exit.USAGE,
            )
        changes[key] = _parse(key, text, hints[key])
    return replace(settings, **changes)


def _suggestion(key: str, names: list[str]) -> str:
    """The setting of the same meaning, or else the one of the nearest spelling."""
    meant = MEANINGS.get(key.lower())
    return f"; did you mean {meant!r}?" if meant in names else nearest(key, names)


def _parse(key: str, text: str, kind: type) -> Any:
    if kind is bool:
        truth = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in truth:
            raise UserError(
                f"{key}={text!r} is not true or false",
                f"write --set {key}=true or --set {key}=false",
                Exit.USAGE,
            )
        return truth[text.lower()]
    try:
        return kind(text)
    except ValueError:
        word = {"int": "a whole number", "float": "a number"}.get(kind.__name__, kind.__name__)
        raise UserError(
            f"{key}={text!r} is not {word}",
            f"write, for example, --set {key}={kind(1)}",
            Exit.USAGE,
        ) from None
