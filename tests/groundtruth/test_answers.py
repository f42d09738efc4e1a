"""Answers to exercises: the right one is accepted, plausible wrong ones are named."""

from __future__ import annotations

import importlib
import json
import math
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from groundtruth import answers
from groundtruth.check import check
from groundtruth.data.pipeline import hampel_score
from groundtruth.data.signals import MAD_TO_STD, savgol_coeffs
from groundtruth.functional import sigmoid
from groundtruth.learning import intervals
from groundtruth.learning.tape import record
from groundtruth.modern.array_checks import first_bad_step
from groundtruth.networks.attention import sdpa
from groundtruth.networks.diffusion import circle_noise
from IPython.core.interactiveshell import InteractiveShell

BOOK = Path(__file__).parents[2] / "book"
CALL = re.compile(r'\bcheck\(\s*"(ex-[a-z0-9-]+)"')


def sigmoid_operation(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: g * s * (1 - s)))


def sigmoid_without_upstream(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: s * (1 - s)))


def sigmoid_with_rule_of_tanh(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: g * (1 - s * s)))


def correlation(x, k):
    y = np.correlate(x.data, k.data, "valid")
    return record(
        y,
        (x, lambda g: np.convolve(g, k.data)),
        (k, lambda g: np.correlate(x.data, g, "valid")),
    )


def convolution(x, k):
    y = np.convolve(x.data, k.data, "valid")
    return record(
        y,
        (x, lambda g: np.correlate(g, k.data, "full")),
        (k, lambda g: np.correlate(x.data, g, "valid")[::-1]),
    )


def adam_on_shards(weights, gradients, p):
    parameter = torch.nn.Parameter(weights.clone())
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach(), 2 * len(weights) // p


def adam_on_the_first_shard(weights, gradients, p):
    n = len(weights) // p
    updated, moments = adam_on_shards(weights, gradients, p)
    return torch.cat([updated[:n], weights[n:]]), moments


def adam_with_one_moment(weights, gradients, p):
    updated, moments = adam_on_shards(weights, gradients, p)
    return updated, moments // 2 if p > 1 else moments


def adam_with_all_moments(weights, gradients, p):
    return adam_on_shards(weights, gradients, p)[0], 2 * len(weights)


CAUSES_OF_SIX = [
    "few examples",
    "rate too low",
    "label noise",
    "rate too high",
    "softmax twice",
    "not shuffled",
]


def repairing_shift(X, y):
    distance = ((X[:, None] - X) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    near = distance.argmin(1)
    agreement = {s: np.mean(np.roll(y, s)[near] == np.roll(y, s)) for s in range(-3, 4)}
    return max(agreement, key=agreement.get)


def planted_shift(X, y):
    return -repairing_shift(X, y)


def failing(x, k):
    raise ValueError("no such shape")


def per_example(X, D1):
    return np.einsum("ni,nj->nij", X, D1 * len(X))


def per_example_mean(X, D1):
    return np.einsum("ni,nj->nij", X, D1)


def of_the_batch(X, D1):
    return X.T @ D1


def exchanged(X, D1):
    return np.einsum("ni,nj->nji", X, D1 * len(X))


def doubled(X, D1):
    return 2 * per_example(X, D1)


def flags_of(values, window, k, centered=False, scale=1.0, full=True):
    flags = hampel_score(values, window, causal=not centered) > k / scale
    flags[: (window - 1) * full] = False
    return flags.tolist()


def stream(values, window, k):
    past = []
    for value in values:
        past = [*past, value][-window:]
        away = np.abs(np.array(past) - np.median(past))
        limit = k * MAD_TO_STD * np.median(away)
        yield len(past) == window and away[-1] > limit


def stream_centered(values, window, k):
    return flags_of(values, window, k, centered=True)


def stream_without_factor(values, window, k):
    return flags_of(values, window, k, scale=MAD_TO_STD)


def stream_before_full(values, window, k):
    return flags_of(values, window, k, full=False)


def stream_of_deviations(values, window, k):
    rows = np.lib.stride_tricks.sliding_window_view(values, window)
    apart = np.abs(rows[:, -1] - rows.mean(1)) > k * rows.std(1)
    return [*[False] * (window - 1), *apart]


def stream_too_short(values, window, k):
    return flags_of(values, window, k)[window - 1 :]


def gate(report, factor):
    part = report["rmse"].drop(index="all").dropna()
    worst = part.idxmax()
    return worst if part[worst] > factor * report.loc["all", "rmse"] else "pass"


def gate_with_all(report, factor):
    worst = report["rmse"].idxmax()
    return worst if report.loc[worst, "rmse"] > factor * report.loc["all", "rmse"] else "all"


def gate_of_the_mean(report, factor):
    part = report["rmse"].drop(index="all").dropna()
    return part.idxmax() if part.max() > factor * part.mean() else "pass"


def left_out(x, m, p):
    c = savgol_coeffs(m, p)
    residual = x[m // 2 : -(m // 2)] - np.convolve(x, c, "valid")
    return np.mean((residual / (1 - c[m // 2])) ** 2)


def left_in(x, m, p):
    return np.mean((x[m // 2 : -(m // 2)] - np.convolve(x, savgol_coeffs(m, p), "valid")) ** 2)


def left_half_out(x, m, p):
    return left_in(x, m, p) / (1 - savgol_coeffs(m, p)[m // 2])


def left_out_root(x, m, p):
    return np.sqrt(left_out(x, m, p))


def dependence(model, x):
    """True where output t depends on input s, by gradients of weighted outputs."""
    leaf = x.clone().requires_grad_()
    weights = torch.arange(1.0, x.shape[2] + 1)
    rows = [torch.autograd.grad(y @ weights, leaf, retain_graph=True)[0] for y in model(leaf)[0]]
    return torch.cat(rows).abs().amax(2).numpy() > 1e-12


def transposed_dependence(model, x):
    return dependence(model, x).T


def dependence_by_plain_sums(model, x):
    leaf = x.clone().requires_grad_()
    rows = [torch.autograd.grad(y.sum(), leaf, retain_graph=True)[0] for y in model(leaf)[0]]
    return torch.cat(rows).abs().amax(2).numpy() > 1e-6


def in_window(Q, K, V, w, first=0):
    """Causal attention to w tokens, of which `first` is the nearest."""
    key = np.arange(len(Q))[:, None] - np.arange(first, w)  # (n, tokens)
    nearest = np.clip(key, 0, len(Q) - 1)
    allowed = (key >= 0) & (key < len(Q))
    outputs, _ = sdpa(Q[:, None], K[nearest], V[nearest], allowed[:, None])
    return outputs[:, 0]


def in_masked_window(Q, K, V, w):
    """The same with an n x n array of scores."""
    distance = np.arange(len(Q))[:, None] - np.arange(len(Q))
    return sdpa(Q, K, V, (distance >= 0) & (distance < w))[0]


def in_one_more(Q, K, V, w):
    return in_window(Q, K, V, w + 1)


def on_both_sides(Q, K, V, w):
    distance = np.arange(len(Q))[:, None] - np.arange(len(Q))
    return sdpa(Q, K, V, np.abs(distance) < w)[0]


def in_the_whole_past(Q, K, V, w):
    return in_window(Q, K, V, len(Q))


def linear_weights(Q, K):
    phi_q, phi_k = (np.where(v > 0, v + 1, np.exp(np.minimum(v, 0))) for v in (Q, K))
    return phi_q @ phi_k.T


def linear(Q, K, V):
    weights = np.tril(linear_weights(Q, K))
    return weights @ V / weights.sum(1, keepdims=True)


def linear_without_sums(Q, K, V):
    return np.tril(linear_weights(Q, K)) @ V


def linear_with_future(Q, K, V):
    weights = linear_weights(Q, K)
    return weights @ V / weights.sum(1, keepdims=True)


def quadratic(x, y):
    return np.polyfit(x, y, 2)


def quadratic_reversed(x, y):
    return np.polyfit(x, y, 2)[::-1]


def quadratic_without_intercept(x, y):
    return [*np.linalg.lstsq(np.column_stack([x**2, x]), y)[0], 0]


def quadratic_after_the_line(x, y):
    w, b = np.polyfit(x, y, 1)
    return [x**2 @ (y - w * x - b) / (x**2 @ x**2), w, b]


def quadratic_of_halves(x, y):
    return np.polyfit(x, y, 2) / 2


def words_of(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def words_at_blanks(text: str) -> int:
    """Count the words of a text."""
    return text.count(" ") + 1


def words_without_annotation(text):
    """Count the words of a text."""
    return len(text.split())


def words_without_docstring(text: str) -> int:
    return len(text.split())


def approval(known, limit):
    approved = []

    def approve(call):
        if call.name != "send" or call.arguments["to"] not in known or len(approved) >= limit:
            return False
        approved.append(call)
        return True

    return approve


def numbers_in(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def approval_of_all(known, limit):
    return lambda call: True


def approval_without_limit(known, limit):
    return lambda call: call.name == "send" and call.arguments["to"] in known


def approval_of_any_tool(known, limit):
    approve = approval(known, limit)
    return lambda call: approve(SimpleNamespace(name="send", arguments=call.arguments))


def approval_counts_refusals(known, limit):
    asked = []

    def approve(call):
        asked.append(call)
        return call.name == "send" and call.arguments["to"] in known and len(asked) <= limit

    return approve


def approval_in_words(known, limit):
    approve = approval(known, limit)
    return lambda call: "yes" if approve(call) else ""


def flow(x, s):
    size = np.hypot(s, 1 - s)
    eps = circle_noise(x / size, (s / size) ** 2)
    return (x - (1 - s) * eps) / s - eps


def flow_reversed(x, s):
    return -flow(x, s)


def flow_of_the_data(x, s):
    return flow(x, s) * (1 - s) + x


def flow_without_scale(x, s):
    eps = circle_noise(x, (s / np.hypot(s, 1 - s)) ** 2)
    return (x - (1 - s) * eps) / s - eps


def flow_flat(x, s):
    return flow(x, s).ravel()


FOUR = "ex-backprop-four"
KINK = "ex-backprop-kink"
FORWARD = "ex-backprop-forward"
EXAMPLES = "ex-backprop-examples"
RULES = "ex-backprop-sigmoid"
MATRIX = "ex-metrics-matrix"
CAPACITY = "ex-metrics-capacity"
FOLDS = "ex-metrics-folds"
CROSSING = "ex-metrics-crossing"
ADAM = "ex-optimizers-hand"
DECAY = "ex-optimizers-decay"
HAND = "ex-signals-hand"
RAMP = "ex-signals-ramp"
STREAM = "ex-signals-stream"
GATE = "ex-signals-gate"
KALMAN = "ex-signals-kalman"
WINDOW = "ex-signals-window"
STEP = "ex-model-step"
FEW = "ex-model-few"
QUADRATIC = "ex-model-quadratic"
NEIGHBORS = "ex-model-neighbors"
RATE = "ex-model-rate"
RANDOM = "ex-model-random"
TOKENS = "ex-attn-hand"
LEAK = "ex-attn-leak"
GROUPS = "ex-attn-gqa"
WINDOWED = "ex-attn-window"
LINEAR = "ex-attn-linear"
XOR = "ex-gates-xor"
QUARTIC = "ex-gates-quartic"
ROOM = "ex-gates-capacity"
SPARSE = "ex-gates-jacobian"
GRID = "ex-compression-scale"
HALF = "ex-compression-half"
SALIENCY = "ex-compression-saliency"
TERMS = "ex-compression-overflow"
CODE = "ex-compression-entropy"
CURVES = "ex-diagnosing-curves"
FIRST = "ex-diagnosing-first"
CEILING = "ex-diagnosing-ceiling"
SLICES = "ex-diagnosing-slices"
SHIFTED = "ex-diagnosing-shifted"
ROWS = "ex-embeddings-rows"
SCORE = "ex-embeddings-score"
WINDOWS = "ex-embeddings-window"
BIAS = "ex-embeddings-bias"
ALIGN = "ex-embeddings-align"
DIRECTIONS = "ex-embeddings-sae"
LAYERS = "ex-cnn-shapes"
KERNELS = "ex-cnn-hand"
NOISY_BARS = "ex-cnn-noise"
SHIFTED_BARS = "ex-cnn-augment"
LOOK_ALIKES = "ex-cnn-fonts"
SMOOTHED = "ex-cnn-smooth"
TOOL = "ex-agent-tool"
REPLAY = "ex-agent-replay"
APPROVAL = "ex-agent-gate"
COPY = "ex-agent-copy"
RETRIES = "ex-agent-retries"
MFU = "ex-runner-mfu"
KILL = "ex-runner-kill"
SHARDS = "ex-runner-shard"
SNR = "ex-diff-snr"
LAST = "ex-diff-last"
VELOCITY = "ex-diff-v"
INPAINT = "ex-diff-inpaint"
FLOW = "ex-diff-flow"
WALD = intervals.wald(50, 75)


def truncated(M):
    """The best approximation of rank 1."""
    U, s, V = np.linalg.svd(M)
    return s[0] * np.outer(U[:, 0], V[0])


def whitened(D, S):
    return truncated(D @ S) @ np.linalg.inv(S)


def white(D, S):
    return truncated(D)


def whitened_without_inverse(D, S):
    return truncated(D @ S)


def dora(W0, update, m):
    V = W0 + update
    return m[:, None] * V / np.linalg.norm(V, axis=1, keepdims=True)


def dora_of_old_norms(W0, update, m):
    return m[:, None] * (W0 + update) / np.linalg.norm(W0, axis=1, keepdims=True)


def dora_without_norms(W0, update, m):
    return m[:, None] * (W0 + update)


def logaddexp_without_log1p(a, b):
    return np.maximum(a, b) + np.log(1 + np.exp(-np.abs(a - b)))


def logaddexp_guarded_below_only(a, b):
    gap = np.where(a == -np.inf, 0.0, -np.abs(a - b))
    return np.maximum(a, b) + np.log1p(np.exp(gap))


def logaddexp_of_equal_infinities(a, b):
    return np.maximum(a, b) + np.log1p(np.exp(-np.abs(a - b)))


def every_step(state, step, bad):
    count = 0
    while not bad(state):
        state = step(state)
        count += 1
    return count


def from_the_start(state, step, bad):
    high = 1
    while not bad(step_by(state, step, high)):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bad(step_by(state, step, middle)) else (middle, high)
    return high


def power_of_two(state, step, bad):
    count = 1
    while not bad(step_by(state, step, count)):
        count *= 2
    return count


def step_by(state, step, count):
    for _ in range(count):
        state = step(state)
    return state


def exact_dot(x, y):
    return float(sum(Fraction(a) * Fraction(b) for a, b in zip(x, y, strict=True)))


def dot_of_rounded_products(x, y):
    return math.fsum(x * y)


def mean_of_means(means, tokens):
    return np.mean(means)


def weighted_mean(means, tokens):
    return np.dot(means, tokens) / np.sum(tokens)


def weighted_mean_without_empty(means, tokens):
    pairs = [(m, t) for m, t in zip(means, tokens, strict=True) if t]
    return sum(m * t for m, t in pairs) / sum(tokens)


def best_run(lines, key=lambda loss: loss, finite=True, missing=math.nan, latest=True):
    runs = [json.loads(line) for line in lines]
    if latest:
        runs = list({run["settings"]["rate"]: run for run in runs}.values())
    losses = [run.get("validation", missing) for run in runs]
    kept = [i for i, loss in enumerate(losses) if math.isfinite(loss) or not finite]
    order = sorted(kept, key=lambda i: (not math.isnan(losses[i]), key(losses[i])))
    return runs[order[0]]["settings"]


def weighted_by_number(means, tokens):
    return (
        weighted_mean_without_empty(means, tokens) * len(means) / max(1, np.count_nonzero(tokens))
    )


STATES = "ex-training-bytes"
ACCUMULATED = "ex-training-tokens"
BUBBLE = "ex-training-bubble"
LEAKS = "ex-training-leaks"
TRACKED = "ex-training-tracking"
NOISE = "ex-training-noise"
FUSED = "ex-retrieval-rrf"
BYTES = "ex-retrieval-memory"
QRELS = "ex-retrieval-qrels"
SPELLED = "ex-language-encode"
SERVED = "ex-language-memory"
PROMPT = "ex-language-mask"
DIGITS = "ex-language-numbers"
RIGHT = {
    "ex-numerics-predict": [2048, 44, -3, -2, 2, 64, 16, 2048, 1024, 1],
    "ex-numerics-logaddexp": np.logaddexp,
    "ex-numerics-bisect": first_bad_step,
    "ex-numerics-shape": [8, 4, 5],
    "ex-numerics-dot": exact_dot,
    STATES: [112, 38.5, 26.25, 14],
    ACCUMULATED: weighted_mean_without_empty,
    BUBBLE: [135, 135, 16],
    LEAKS: [1, 0, 0, 1],
    TRACKED: best_run,
    NOISE: [55.75, 704.1],
    FUSED: [32.2664, 16.129, 32.2664, 16.129],
    BYTES: [3072, 96, 0.786432],
    QRELS: [0.397, 0.892],
    SPELLED: [1, 2, 4, 6],
    SERVED: [14, 128, 122],
    PROMPT: [1, 2.4667],
    DIGITS: [77_655, 99_000],
    "ex-lora-count": [294912, 0.237],
    "ex-lora-whitened": whitened,
    "ex-lora-dora": dora,
    FOUR: [64, 32],
    KINK: [0, 0.5],
    FORWARD: [1, 2, 32],
    EXAMPLES: per_example,
    RULES: (sigmoid_operation, correlation),
    MATRIX: [0.965, 0.833, 0.667, 0.741, *intervals.wilson(50, 75)],
    CAPACITY: [2.250, 0.401, 0.401],
    FOLDS: [0.856, 0.682, 0.700],
    CROSSING: [0.195, 0.624, 0.427, 0.715],
    ADAM: [-0.1, -0.1266],
    DECAY: [0.0393, 0.741],
    HAND: np.array([-2, 3, 6, 7, 6, 3, -2]) / 21,
    RAMP: 0.1004,
    STREAM: stream,
    GATE: gate,
    KALMAN: 0.3904,
    WINDOW: left_out,
    STEP: [1.4, 0.5],
    FEW: [0.38, 1.25],
    QUADRATIC: quadratic,
    NEIGHBORS: [5.8, 0.122],
    RATE: 0.149,
    RANDOM: 1.1,
    TOKENS: [12.69, 18.81],
    LEAK: dependence,
    GROUPS: [8192, 2048, 25_165_824],
    WINDOWED: in_window,
    LINEAR: linear,
    XOR: [9 / 16, 1 / 2],
    QUARTIC: [0.354, 0.01155],
    ROOM: [21, 0.0080],
    SPARSE: 0.669,
    GRID: [0.007843, -64, 25],
    HALF: [0.929, 0.868],
    SALIENCY: [2, 1, 1, 0.72, 0.125, 0.02375],
    TERMS: [2, 133144],
    CODE: [2.6387, 2.6865],
    CURVES: CAUSES_OF_SIX,
    FIRST: [6.9078, 5.9095],
    CEILING: [0.9486, 0.8],
    SLICES: [0.644, 0.326],
    SHIFTED: repairing_shift,
    ROWS: [1, 0, 0, 2, 0, 1, 0, 0],
    SCORE: [1.386, -0.223, 0.2877],
    WINDOWS: [3, 5, -2],
    BIAS: [8, 0],
    ALIGN: [0.45, 1.0],
    DIRECTIONS: [0.79, 0.83, 1.0],
    LAYERS: [80, 1168, 290, 1538],
    KERNELS: [6, 1, 2],
    NOISY_BARS: [0.08333, -0.08333, 0.2887],
    SHIFTED_BARS: [20, 24],
    LOOK_ALIKES: [12, 0.003173],
    SMOOTHED: 0.91,
    TOOL: words_of,
    REPLAY: 1,
    APPROVAL: approval,
    COPY: lambda question, expression: numbers_in(expression) - numbers_in(question),
    RETRIES: [0.401, 0.973, 0.8],
    MFU: [0.218, 2.75e6],
    KILL: [30, 6],
    SHARDS: adam_on_shards,
    SNR: [13, 24],
    LAST: 0.0447,
    VELOCITY: [359.33, 1014.7],
    INPAINT: [0.799, 0.516],
    FLOW: flow,
}
WRONG = [
    (STATES, [98, 38.5, 26.25, 14], "16 bytes"),
    (STATES, [112, 63, 26.25, 14], "divides the 12 bytes"),
    (STATES, [112, 38.5, 26.25, 26.25], "divides the weights too"),
    (ACCUMULATED, mean_of_means, "same weight"),
    (ACCUMULATED, weighted_mean, "without tokens makes it NaN"),
    (ACCUMULATED, weighted_by_number, "must not change the mean"),
    (ACCUMULATED, lambda means, tokens: np.dot(means, tokens), "the mean of their means"),
    (BUBBLE, [150, 150, 16], "over the working time"),
    (BUBBLE, [135, 16, 16], "until its backward pass"),
    (BUBBLE, [135, 135, 135], "once the pipeline is full"),
    (LEAKS, [0, 0, 0, 1], "carry the patient's label"),
    (LEAKS, [1, 1, 0, 1], "the rest is chance"),
    (LEAKS, [1, 0, 1, 1], "use no labels"),
    (LEAKS, [1, 0, 0, 0], "fit these labels"),
    (TRACKED, lambda lines: best_run(lines, key=lambda loss: -loss), "not the largest"),
    (TRACKED, lambda lines: {"rate": 0.1}, "the settings of 0.5"),
    (TRACKED, lambda lines: best_run(lines, finite=False), "loss NaN"),
    (TRACKED, lambda lines: best_run(lines, missing=0.0), "has no loss"),
    (TRACKED, lambda lines: best_run(lines, latest=False), "the later one counts"),
    (NOISE, [56.748, 705.1], "subtracts the squared mean"),
    (NOISE, [55.75, 55.75], "this is the start"),
    ("ex-numerics-predict", [65504, 44, -3, -2, 2, 64, 16, 2048, 1024, 1], "(1)"),
    ("ex-numerics-predict", [1024, 44, -3, -2, 2, 64, 16, 2048, 1024, 1], "implied leading one"),
    ("ex-numerics-predict", [2048, 300, -3, -2, 2, 64, 16, 2048, 1024, 1], "wraps around"),
    ("ex-numerics-predict", [2048, 44, -2, -2, 2, 64, 16, 2048, 1024, 1], "rounds down"),
    ("ex-numerics-predict", [2048, 44, -3, -3, 2, 64, 16, 2048, 1024, 1], "toward zero"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 1, 64, 16, 2048, 1024, 1], "counts"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 32, 16, 2048, 1024, 1], "not weak"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 64, 4, 2048, 1024, 1], "broadcast"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 64, 16, 2049, 1024, 1], "is not a float16"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 64, 16, 2050, 1024, 1], "even mantissa"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 64, 16, 2048, 1023, 1], "mantissa codes"),
    ("ex-numerics-predict", [2048, 44, -3, -2, 2, 64, 16, 2048, 1024, 2], "position of a NaN"),
    ("ex-numerics-logaddexp", lambda a, b: np.log(np.exp(a) + np.exp(b)), "subtract the larger"),
    ("ex-numerics-logaddexp", logaddexp_without_log1p, "use log1p"),
    ("ex-numerics-logaddexp", logaddexp_of_equal_infinities, "difference of equal ones"),
    ("ex-numerics-logaddexp", logaddexp_guarded_below_only, "difference of equal ones"),
    ("ex-numerics-logaddexp", np.maximum, "is ln 2"),
    ("ex-numerics-logaddexp", lambda a, b: 0.0, "not ()"),
    ("ex-numerics-bisect", from_the_start, "more than 3n + 3"),
    ("ex-numerics-bisect", power_of_two, "after 3 steps, not 4"),
    ("ex-numerics-bisect", every_step, "bisect the last interval"),
    ("ex-numerics-shape", [0, 4, 1], "all pairs are compared"),
    ("ex-numerics-shape", [4, 4, 5], "both variances count"),
    ("ex-numerics-shape", [8, 4, 6], "a quarter of the variance"),
    ("ex-numerics-dot", np.dot, "as large as that of x @ y"),
    ("ex-numerics-dot", dot_of_rounded_products, "the relative error is"),
    (FUSED, [1000 / 60 + 1000 / 62, 1000 / 61, 1000 / 60 + 1000 / 62, 1000 / 61], "begin at 1"),
    (FUSED, [16.1332, 8.0645, 16.1332, 8.0645], "not averaged"),
    (SPELLED, [1, 2, 3, 6], "the r comes first"),
    (SPELLED, [2, 3, 4, 6], "becomes one token"),
    (SPELLED, [1, 2, 4, 1.7918], "not the loss"),
    (SPELLED, [1, 1, 4, 6], "a token of its own"),
    (SERVED, [14, 64, 245], "a key and a value"),
    (SERVED, [14, 512, 30], "not 32"),
    (SERVED, [14, 128, 149], "weights take memory"),
    (SERVED, [7, 64, 271], "two bytes"),
    (PROMPT, [1, 2.5], "15 losses"),
    (PROMPT, [0.26667, 2.46667], "the answer alone"),
    (PROMPT, [3, 2.46667], "not that of the answer"),
    (DIGITS, [90_000, 99_000], "six digits"),
    (DIGITS, [77_655, 77_655], "every number"),
    (BYTES, [6144, 96, 1.572864], "4 bytes"),
    (BYTES, [3072, 96, 0.008192], "per slice"),
    (QRELS, [0.416, 0.984], "Wald"),
    (QRELS, [39.7, 89.2], "not percentages"),
    (LAYERS, [72, 1152, 288, 1512], "has a bias as well"),
    (LAYERS, [80, 160, 290, 530], "for each of the 8 channels"),
    (LAYERS, [80, 1168, 4610, 5858], "two poolings leave 3 x 3"),
    (KERNELS, [6, 0, 2], "at the border the padding"),
    (KERNELS, [6, 1, 4], "in a tie the first class"),
    (NOISY_BARS, [0.07639, -0.07639, 0.2887], "divide by 11"),
    (NOISY_BARS, [0, 0, 0.2887], "only one variance remains"),
    (NOISY_BARS, [0.08333, -0.08333, 0.08333], "variance of the mean"),
    (SHIFTED_BARS, [10, 12], "rows and columns are different"),
    (SHIFTED_BARS, [20, 20], "with shifts is wrong: 20 is too small"),
    (LOOK_ALIKES, [6, 0.003173], "are two pairs"),
    (LOOK_ALIKES, [12, 0.003122], "62 times 61"),
    (SMOOTHED, 0.9, "its part of the 0.1"),
    (SMOOTHED, 1.0, "confidence is wrong: 1 is too large"),
    (MFU, [0.0728, 8.242e6], "not 2 N"),
    (MFU, [0.218, 2.75], "not in millions"),
    (KILL, [36, 0], "saves nothing"),
    (KILL, [30, 7], "was not finished"),
    (SHARDS, adam_on_the_first_shard, "exchange the shards"),
    (SHARDS, adam_with_one_moment, "two moment estimates"),
    (SHARDS, adam_with_all_moments, "stores 8 moments; got 24"),
    ("ex-lora-count", [294912, 0.00236992], "give the percentage"),
    ("ex-lora-count", [24576, 0.0197], "count all twelve layers"),
    ("ex-lora-whitened", white, "the best update for white inputs"),
    ("ex-lora-whitened", whitened_without_inverse, "multiply by the inverse of S"),
    ("ex-lora-dora", dora_of_old_norms, "not of W0"),
    ("ex-lora-dora", dora_without_norms, "divide each row by its norm"),
    (FOUR, [48, 32], "also used directly"),
    (FOUR, [16, 32], "u uses x as well"),
    (FOUR, [4, 2], "gradient of v"),
    (FOUR, [64, -32], "adjoint of y has the wrong sign"),
    (FOUR, [64, 16], "adjoint of y is wrong: 16 is too small"),
    (FOUR, [70, 32], "adjoint of x is wrong: 70 is too large"),
    (FOUR, [64.5, 32], "adjoint of x is right to a few digits"),
    (FORWARD, [5, 6, 96], "its term is x times -1"),
    (FORWARD, [1, 1, 16], "must be added"),
    (FORWARD, [1, 2, 4], "local derivative 2 v"),
    (EXAMPLES, per_example_mean, "multiply by n"),
    (EXAMPLES, of_the_batch, "keep the axis of the examples"),
    (EXAMPLES, exchanged, "the shape is (5, 3, 2), not (5, 2, 3)"),
    (EXAMPLES, doubled, "example i has the gradient"),
    (KINK, [0, 1], "both sides"),
    (KINK, [1, 0.5], "inputs that are not positive"),
    (KINK, [0.5, 0], "other order"),
    (RULES, (sigmoid_without_upstream, correlation), "upstream gradient of ones"),
    (RULES, (sigmoid_with_rule_of_tanh, correlation), "the sigmoid disagrees"),
    (RULES, (sigmoid_operation, convolution), "kernel reversed"),
    (RULES, (sigmoid_operation, failing), "raised ValueError: no such shape"),
    (MATRIX, [0.965, 0.667, 0.833, 0.741, *WALD], "exchanged"),
    (MATRIX, [0.965, 0.833, 0.667, 0.75, *WALD], "harmonic mean"),
    (MATRIX, [0.965, 0.833, 0.667, 0.741, *WALD], "not Wilson's"),
    (CAPACITY, [2.054, 0.328, 0.4786], "flags 2 % of the negatives"),
    (CAPACITY, [3.752, 0.5, 0.5], "not one half"),
    (CAPACITY, [2.250, 0.670, 0.401], "not by the flagged negatives"),
    (FOLDS, [0.856, 0.73, 0.743], "their variances add"),
    (FOLDS, [0.856, 0.682, 0.769], "one in ten"),
    (FOLDS, [0.856, 0.5, 0.536], "the shift of 1.5 remains"),
    (CROSSING, [0.624, 0.195, 0.715, 0.427], "exchanged"),
    (CROSSING, [0.099, 0.334, 0.597, 0.997], "variance 1"),
    (ADAM, [-0.3162, -0.4294], "not corrected"),
    (ADAM, [-0.1, 0.0], "average both"),
    (ADAM, [0.1, 0.1266], "against the gradient"),
    (DECAY, [0.741, 0.741], "amplifies L2"),
    (DECAY, [0.741, 0.0393], "other order"),
    (HAND, [-2, 3, 6, 7, 6, 3, -2], "divide by 21"),
    (HAND, np.full(7, 1 / 7), "moving average"),
    (HAND, np.arange(-3, 4) / 28, "weights of the derivative"),
    (RAMP, 0.001004, "divide by 0.01 s"),
    (RAMP, 0.01008, "this is the variance"),
    (RAMP, 7.0711, "two neighbors"),
    (STREAM, stream_centered, "the window is centered"),
    (STREAM, stream_without_factor, "not multiplied by 1.4826"),
    (STREAM, stream_before_full, "before the window is full"),
    (STREAM, stream_of_deviations, "median and MAD"),
    (STREAM, stream_too_short, "one flag per value"),
    (GATE, gate_with_all, '"all" is not a regime'),
    (GATE, gate_of_the_mean, "returns"),
    (KALMAN, 0.618, "Q = R"),
    (KALMAN, 0.8284, "R / Q = 0.25"),
    (KALMAN, 0.6404, "before the division"),
    (WINDOW, left_in, "include the sample"),
    (WINDOW, left_half_out, "its square by"),
    (WINDOW, left_out_root, "square root"),
    (STEP, [-1.4, -0.5], "goes up"),
    (STEP, [0.7, 0.25], "factor 2"),
    (STEP, [-28, -10], "this is the gradient"),
    (STEP, [0.5, 1.4], "exchanged"),
    (STEP, [7, 2.5], "divide the sums by 5"),
    (FEW, [0.62, 1.25], "sets that overlap"),
    (FEW, [0.38, 17.1], "subtract the Bayes error"),
    (FEW, [0.38, 0.0125], "percentage points, not a fraction"),
    (QUADRATIC, quadratic_reversed, "yours is reversed"),
    (QUADRATIC, quadratic_without_intercept, "intercept is missing"),
    (QUADRATIC, quadratic_after_the_line, "fitted together"),
    (QUADRATIC, quadratic_of_halves, "not the smallest"),
    (QUADRATIC, np.polyfit, "missing 1 required positional argument"),
    (QUADRATIC, lambda x, y: np.polyfit(x, y, 1), "return three numbers, a, w and b; got 2"),
    (NEIGHBORS, [0.173, 8.2], "divide the other way"),
    (NEIGHBORS, [2.4, 0.35], "ratios of roots"),
    (NEIGHBORS, [1.22, 0.28], "compare with r itself"),
    (NEIGHBORS, [5.8, 1], "ratio for the sine is wrong: 1 is too large"),
    (RATE, 0.0746, "zigzags"),
    (RATE, 0.1429, "converges fastest"),
    (RATE, 0.15, "grows, but slowly"),
    (RATE, 0.298, "factor 2"),
    (RANDOM, 0.5, "gains its square"),
    (RANDOM, 2, "2 is too large"),
    (RANDOM, 0, "steps of gradient descent"),
    (RANDOM, 3, "growth of the operations"),
    (TOKENS, [13.302, 18.044], "do not divide"),
    (TOKENS, [17.311, 11.192], "the other keys"),
    (TOKENS, [12.69, 17.0], "second output is wrong: 17 is too small"),
    (LEAK, transposed_dependence, "yours are exchanged"),
    (LEAK, dependence_by_plain_sums, "weight the entries at random"),
    (GROUPS, [4096, 1024, 12_582_912], "both keys and values are cached"),
    (GROUPS, [8192, 2048, 12_582_912], "keys' and the values' matrix"),
    (GROUPS, [8192, 1024, 25_165_824], "8 of them, not 4"),
    (WINDOWED, in_one_more, "w + 1 tokens"),
    (WINDOWED, on_both_sides, "later tokens"),
    (WINDOWED, in_the_whole_past, "only the last w tokens"),
    (WINDOWED, in_masked_window, "n by n entries"),
    (LINEAR, linear_without_sums, "divide by the sum"),
    (LINEAR, linear_with_future, "past only"),
    (GRID, [2 / 256, -64, 25], "255 steps"),
    (GRID, [1.5 / 127, 0, 59], "symmetric"),
    (GRID, [2 / 255, 64, 25], "unsigned"),
    (GRID, [2 / 255, -64, 89], "add the zero point"),
    (HALF, [0.5, 0.5], "sum of squares"),
    (HALF, [0.0713, 0.1322], "removed"),
    (HALF, [0.929, 0.929], "within each four"),
    (SALIENCY, [2, 1, 1, 1.44, 0.25, 0.0475], "1/2"),
    (SALIENCY, [2, 1, 1, 0.72, 0.125, 0.125], "adapt"),
    (TERMS, [1, 131071], "128"),
    (TERMS, [4, 266289], "sign"),
    (CODE, [1.829, 1.862], "bits, not nats"),
    (CODE, [2.6865, 2.6387], "never shorter"),
    (CURVES, [*CAUSES_OF_SIX[:2], "few units", *CAUSES_OF_SIX[3:]], "C is not 'few units'"),
    (CURVES, ["healthy", *CAUSES_OF_SIX[1:]], "falls to zero, and its validation"),
    (CURVES, ["overfit", *CAUSES_OF_SIX[1:]], "A: 'overfit' is not among the causes"),
    (CURVES, CAUSES_OF_SIX[:5], "got 5"),
    (CURVES, "healthy", "give six names"),
    (FIRST, [3.0, 5.9095], "natural logarithm"),
    (FIRST, [6.9078, 0.0], "1 for one class"),
    (FIRST, [6.9078, 5.9105], "K terms, one of them e"),
    (CEILING, [0.95, 0.8], "once in nine times"),
    (CEILING, [0.9486, 1.0], "every replaced label"),
    (CEILING, [0.9487, 0.9], "a perfect model is wrong: 0.9 is too large"),
    (SLICES, [0.644, 0.0337], "do not standardize"),
    (SLICES, [0.5, 0.326], "worst is wrong: 0.5 is too small"),
    (SHIFTED, planted_shift, "the one that was planted"),
    (SHIFTED, lambda X, y: 0, "are repaired by"),
    (XOR, [0.75, 0.5], "each 3/4"),
    (XOR, [0.5, 0.5], "differ between 0 and 1"),
    (XOR, [0.5625, 0.4375], "adds its two sides"),
    (QUARTIC, [0.45, 0.01], "for the square"),
    (QUARTIC, [0.646, 0.01155], "weighted by 1 - p"),
    (QUARTIC, [0.354, 0.0505], "the factor p (1 - p)"),
    (ROOM, [22, 0.0043], "odd capacities"),
    (ROOM, [18, 0.0096], "all four experts"),
    (ROOM, [16, 0.0859], "16 is the mean"),
    (SPARSE, 0.0, "of sparsemax"),
    (SPARSE, 0.297, "divide by the norm"),
    (ROWS, [1, 0, 0, 1, 0, 1, 0, 0], "added, not overwritten"),
    (ROWS, [0.25, 0, 0, 0.5, 0, 0.25, 0, 0], "nothing divides"),
    (ROWS, [1, 1, 1, 2, 1, 1, 1, 1], "not looked up"),
    (SCORE, [1.386, 1.386, 0.2877], "not PMI itself"),
    (SCORE, [1.386, 2.996, 0.2877], "subtracted, not added"),
    (SCORE, [1.386, -3.614, 0.2877], "not K"),
    (SCORE, [2.0, -0.32, 0.2877], "not base 2"),
    (SCORE, [-1.609, -3.219, 0.2877], "divides by both"),
    (SCORE, [1.386, -0.223, -0.223], "q = 0.03"),
    (WINDOWS, [3, 8, 13], "subtract the answers of the neighbor"),
    (WINDOWS, [0, -3, -14], "exclude a, a* and b"),
    (WINDOWS, [-3, -5, 2], "not the other way around"),
    (WINDOWS, [0.036, 0.06, -0.024], "multiply the fractions"),
    (WINDOWS, [3, 5, 2], "window of 8 has the wrong sign"),
    (BIAS, [0, 0], "almost no part"),
    (BIAS, [8, 8], "remove the difference of the context vectors"),
    (BIAS, [0, 8], "context vectors first"),
    (ALIGN, [32.4, 72], "give fractions of the 72 questions"),
    (ALIGN, [1, 1], "draw the table of each word by itself"),
    (ALIGN, [0.45, 0.8], "the rotation is not the best one"),
    (ALIGN, [0.45, 0.45], "aligned is wrong"),
    (DIRECTIONS, [0.79, 1.0, 0.83], "comes last"),
    (DIRECTIONS, [0.7, 0.75, 0.89], "not the reverse"),
    (DIRECTIONS, [0.2, 0.83, 1.0], "random directions is wrong"),
    (TOOL, len, "'to be or not to be' has 6 words, not 18"),
    (TOOL, words_at_blanks, "'' has 0 words, not 1"),
    (TOOL, words_without_annotation, "annotate 'text' as str"),
    (TOOL, words_without_docstring, "the docstring"),
    (REPLAY, 0, "the script is the same"),
    (REPLAY, 2, "comes from the script"),
    (APPROVAL, approval_of_all, "not on the list"),
    (APPROVAL, approval_without_limit, "the limit is two"),
    (APPROVAL, approval_counts_refusals, "does not count against the limit"),
    (APPROVAL, approval_of_any_tool, "another tool"),
    (APPROVAL, approval_in_words, "the first answer was 'yes'"),
    (COPY, lambda q, e: {n for n in numbers_in(e) if n not in q}, "compare whole numbers"),
    (COPY, lambda q, e: set(re.findall(r"\d+", e)) - set(re.findall(r"\d+", q)), "fractions"),
    (COPY, lambda q, e: sorted(numbers_in(e) - numbers_in(q)), "a set of strings, not list"),
    (RETRIES, [0.401, 1, 0.8], "may fail too"),
    (RETRIES, [0.97, 0.9991, 0], "30th power"),
    (RETRIES, [0.401, 0.973, 0.7], "smallest d is wrong: 0.7 is too small"),
    (SNR, [14, 25], "counted from 0"),
    (SNR, [12, 23], "the last level above 1"),
    (SNR, [18, 33], "compare abar with 1 - abar"),
    (LAST, 0.002, "take the square root"),
    (LAST, 0.0632, "only the component along the radius"),
    (LAST, 0.01, "the schedule is scaled"),
    (VELOCITY, [359.33**2, 1014.72**2], "take the square roots"),
    (VELOCITY, [1 / 359.33, 1 / 1014.72], "divided"),
    (INPAINT, [0.003, 0.5], "take the size before the median"),
    (INPAINT, [0.8, 1.0], "all samples have one sign"),
    (INPAINT, [0.707, 0.5], "the known coordinate was not used"),
    (FLOW, flow_reversed, "opposite sign"),
    (FLOW, flow_of_the_data, "one of the two means"),
    (FLOW, flow_without_scale, "did you divide x_s by the norm"),
    (FLOW, flow_flat, "the shape is (6,)"),
]


def topics() -> list[str]:
    """Part and topic of each module of answers, such as learning/backprop."""
    folder = Path(answers.__file__).parent
    files = sorted(folder.glob("*/*.py"))
    return [f"{f.parent.name}/{f.stem}" for f in files if f.stem != "__init__"]


def test_every_part_with_judges_is_looked_through():
    assert {topic.partition("/")[0] for topic in topics()} == set(answers.PARTS)


def judges(topic: str) -> set[str]:
    """The labels that one module of answers can check."""
    return set(importlib.import_module("groundtruth.answers." + topic.replace("/", ".")).ANSWERS)


def test_every_answer_has_its_tests():
    assert set(RIGHT) == set().union(*map(judges, topics()))


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_at_least_two_wrong_answers_are_tried(label):
    assert sum(wrong == label for wrong, _, _ in WRONG) >= 2


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_the_right_answer_is_accepted(label, capsys):
    check(label, RIGHT[label])
    assert capsys.readouterr().out == f"answer ok: {label}\n"


@pytest.mark.parametrize(("label", "answer", "message"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_mistake(label, answer, message):
    with pytest.raises(answers.WrongAnswer, match=re.escape(message)):
        check(label, answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([64], "give 2 numbers: adjoint of x, adjoint of y; got 1"),
        ("sixty", "got str 'sixty'"),
        ([64, float("nan")], "adjoint of y is not a finite number"),
        (None, "give 2 numbers"),
    ],
)
def test_an_answer_of_the_wrong_form_says_what_is_asked(answer, message):
    with pytest.raises(answers.WrongAnswer, match=re.escape(message)):
        check(FOUR, answer)


@pytest.mark.parametrize("answer", [sigmoid_operation, 3.0, (sigmoid_operation,), "tanh"])
def test_an_answer_that_is_not_the_functions_asked_for_says_so(answer):
    with pytest.raises(answers.WrongAnswer, match="give 2 functions: sigmoid of a Tensor"):
        check(RULES, answer)


@pytest.mark.parametrize("label", ["ex-backprop-for", "ex-backprop-nothing"])
def test_an_unknown_label_names_the_nearest(label):
    with pytest.raises(LookupError, match=r"did you mean 'ex-backprop-"):
        check(label, 1)


@pytest.mark.parametrize("label", ["ex-nothing-at-all", "backprop", ""])
def test_a_label_of_no_topic_is_refused(label):
    with pytest.raises(LookupError, match="can be checked"):
        check(label, 1)


def test_jupyter_shows_a_wrong_answer_without_a_traceback():
    shell = InteractiveShell()
    shell.user_ns["check"] = check
    error = shell.run_cell(f'check("{FOUR}", [48, 32])', silent=True).error_in_exec
    assert error._render_traceback_() == [str(error)]


@pytest.mark.parametrize("topic", topics())
def test_a_label_leads_to_its_module(topic):
    assert {label for label in judges(topic) if label not in answers._judges(label)} == set()


@pytest.mark.parametrize("topic", topics())
def test_every_exercise_that_can_be_checked_is_checked_on_its_page(topic):
    assert set(CALL.findall((BOOK / f"{topic.replace('_', '-')}.md").read_text())) == judges(topic)
