"""References of the interactive figures of the capstones."""

from __future__ import annotations

import numpy as np
import torch
from groundtruth.modern.ngrams import floor
from projects.figures import agent, cnn, diffusion, gpt, lora, runner
from projects.gpt import next_token_probs
from scipy import stats

from tests.groundtruth.figures.checking import HUNDREDTHS, THOUSANDTHS, reference


@reference(agent.compounding)
def compounding(at):
    n = np.arange(1, 61)
    # a step fails only if all its r + 1 attempts do: binomial counts of failed attempts
    fails = stats.binom.pmf(at.sr + 1, at.sr + 1, 1 - at.sp)
    curves = [stats.binom.pmf(0, n, 1 - at.sp), stats.binom.pmf(0, n, fails)]
    names = ["no retry", "with retries"]
    chosen = [curve[at.sn - 1] for curve in curves]
    return {
        "layer_0": {"y": np.concatenate(curves), "which": np.repeat(names, 60).tolist()},
        "layer_1": {"y": chosen, "which": names},
        "layer_2": {"y": chosen, "which": names, "t": [f"{v:.3f}" for v in chosen]},
    }


PICTURES = {"a": np.eye(12), "b": np.random.default_rng(0).random((8, 8))}


@reference(cnn.explorer, PICTURES, tolerance=HUNDREDTHS)
def kernel(at):
    X = torch.tensor(PICTURES[at.pp])[None, None]
    w = torch.tensor(cnn.KERNELS[at.kk], dtype=torch.float64)[None, None]
    y = torch.conv2d(X, w, padding=1, stride=at.ss)[0, 0].clamp_min(0) / w.abs().sum()
    rows, columns = np.indices(y.shape) * at.ss
    H, W = PICTURES[at.pp].shape
    return {
        "concat_0": {
            "v": PICTURES[at.pp].ravel(),
            "i": np.repeat(range(H), W),
            "j": np.tile(range(W), H),
        },
        "concat_1": {"v": y.numpy().ravel(), "i": rows.ravel(), "j": columns.ravel()},
    }


def clouds():
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    half = np.linspace(0, np.pi, 45)
    upper = np.stack([np.cos(half) - 0.5, np.sin(half) - 0.25], 1)
    return {
        "ring": np.stack([np.cos(angle), np.sin(angle)], 1),
        "moons": np.concatenate([upper, -upper]),
    }


@reference(diffusion.explorer, tolerance=2 * HUNDREDTHS)
def cosine_schedule(at):
    """The project's own schedule of 100 levels; it keeps a little signal at the last one."""
    from projects.diffusion import Schedule

    signal = 1.0 if at.nt == 0 else float(Schedule("cosine", 100).abar[at.nt - 1])
    noise = np.random.default_rng(0).normal(size=(90, 2))
    x = np.sqrt(signal) * clouds()[at.nd] + np.sqrt(1 - signal) * noise
    text = f"data {100 * signal:.0f} %, noise {100 - 100 * signal:.0f} % of the variance"
    return {"layer_0": {"px": x[:, 0], "py": x[:, 1]}, "layer_1": {"note": text}}


BEST = floor([0, 0, 1], 8)


@reference(gpt.memory, BEST, tolerance=THOUSANDTHS)
def window(at):
    mean = BEST[: at.ct].mean()
    return {
        "layer_0": {"b": BEST[: at.ct]},
        "layer_1": {"m": mean},
        "layer_2": {"m": mean, "s": f"mean {mean:.3f}"},
    }


LOGITS = np.random.default_rng(1).normal(0, 2, 40)
NAMES = [chr(0x4E00 + i) for i in range(40)]


@reference(gpt.sampler, NAMES, LOGITS, tolerance=2e-3)
def next_token(at):
    """The distribution of the project's sampler, with the 16 least likely of forty in one bar."""
    p = next_token_probs(torch.tensor(LOGITS), at.te, at.tk, at.tp).numpy().astype(float)
    order = np.argsort(-LOGITS)
    entropy = stats.entropy(p)
    return {
        "layer_0": {
            "P": [*p[order[:24]], p[order[24:]].sum()],
            "t": [*(NAMES[i] for i in order[:24]), "16 others"],
        },
        "layer_1": {"H": entropy, "s": f"entropy {entropy:.2f} nats"},
    }


@reference(lora.explorer)
def rank(at):
    i = np.arange(1.0, 65.0)
    s = {"1/i": 1 / i, "1/i^2": i**-2, "0.9^i": 0.9**i}[at.ss]
    d = 2**at.dd
    k = 2**at.kk
    layer = torch.nn.Linear(d, k, bias=False, device="meta")
    adapter = [torch.empty(k, at.rr, device="meta"), torch.empty(at.rr, d, device="meta")]
    trained = 100 * sum(part.numel() for part in adapter) / layer.weight.numel()
    assert at.rr <= min(layer.weight.shape)  # a rank that the layer can have
    held = 100 * np.sum(s[: at.rr] ** 2) / np.sum(s**2)
    groups = np.where(i <= at.rr, "captured", "left out").tolist()
    return {
        "layer_0": {"s": s, "group": groups},
        "layer_1": {"w": f"rank {at.rr} trains {trained:.2f} % and captures {held:.1f} %"},
    }


def three_digits(x):
    """Three significant digits without zeros at the end and without an exponent."""
    return np.format_float_positional(x, precision=3, fractional=False, trim="-")


@reference(runner.memory)
def training_memory(at):
    """Bytes of torch's own types; activations by Korthikanti et al. (2023), without dropout's masks
    16 numbers per token, layer and unit of width, and two masks of one byte."""
    parameters = 10**at.pn
    full = torch.float32.itemsize
    used = full if at.pp == "fp32" else torch.bfloat16.itemsize
    width = np.sqrt(parameters / (12 * at.pl))
    masters = 0 if used == full else full
    per_parameter = np.array([used, used, 2 * full, masters])
    activations = (16 * used + 2) * width * at.pl * at.pb * 1000
    gigabytes = np.append(per_parameter * parameters, activations) / 1e9
    total = gigabytes.sum()
    return {
        "layer_0": {"g": gigabytes},
        "layer_1": {"g": gigabytes},
        "layer_2": {"t": total, "s": f"together {three_digits(total)} GB"},
    }
