"""The recorded runs: text, windows, rates, and one run repeated."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from groundtruth.modern import retrieval_corpus
from groundtruth.modern import scaling_runs as sr

FILE = Path(__file__).parents[3] / "book" / "_assets" / "results" / "scaling-runs.json"
RECORD = json.loads(FILE.read_text("utf-8"))


def test_symbols_are_numbered_by_frequency():
    first, second = sr.encode(["BBb a", "ca"])
    assert first.tolist() == [0, 0, 0, 2, 1]
    assert second.tolist() == [3, 1]


def test_rare_symbols_share_the_last_number():
    text = "".join(chr(97 + i) * (100 - i) for i in range(26)) + "".join(map(chr, range(200, 260)))
    assert sr.encode([text])[0].max() == sr.SYMBOLS - 1


def test_windows_do_not_cross_documents():
    contexts, targets = sr.windows([np.arange(10), np.arange(20, 29), np.arange(3)])
    assert targets.tolist() == [8, 9, 28]
    assert contexts[1].tolist() == list(range(1, 9))


def test_a_document_stays_on_its_side_and_the_fraction_is_right():
    names = [f"page {i}" for i in range(4000)]
    assert np.mean([sr.held_out(n, 0.25) for n in names]) == pytest.approx(0.25, abs=0.03)
    tenth = {n for n in names if sr.held_out(n)}
    assert tenth <= {n for n in names if sr.held_out(n, 0.25)}


def test_rates_and_initial_weights_follow_mup():
    wide = sr.Predictor(64, np.random.default_rng(0))
    inputs, out = wide.groups(0.01)
    assert inputs["lr"] == 0.01
    assert out["lr"] == pytest.approx(0.01 / 4)
    assert out["params"][0].shape == (sr.SYMBOLS, 64)
    scale = float(wide.weights[2].detach().std())
    assert scale == pytest.approx(sr.BASE_WIDTH**0.5 / 64, rel=0.1)
    counted = sum(p.numel() for group in (inputs, out) for p in group["params"])
    assert counted == sr.parameters(64)


def toy(n=2000):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (n, sr.CONTEXT))
    return x, x[:, -1]


def test_a_predictable_text_is_learned_and_each_branch_starts_from_the_stable_run():
    losses = sr.branched_run(8, [640, 1920], 0.03, 0, toy(), toy(300))
    assert losses[1] < losses[0] < np.log(sr.SYMBOLS)
    assert losses == sr.branched_run(8, [1920, 640], 0.03, 0, toy(), toy(300))
    # the second branch does not depend on the first
    assert losses[1] == pytest.approx(sr.branched_run(8, [1920], 0.03, 0, toy(), toy(300))[0])


def test_the_loss_is_torchs_mean():
    model = sr.Predictor(4, np.random.default_rng(0))
    x, y = toy(5000)
    with torch.no_grad():
        whole = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y))
    assert sr.loss_nats(model, (x, y)) == pytest.approx(whole.item(), abs=1e-5)


def test_best_losses_average_seeds_and_choose_a_rate_for_each_number():
    runs = [
        {"h": 4, "rate": 0.1, "seed": 0, "losses": [3.0, 1.0]},
        {"h": 4, "rate": 0.1, "seed": 1, "losses": [5.0, 3.0]},
        {"h": 4, "rate": 0.2, "seed": 0, "losses": [2.0, 4.0]},
    ]
    record = {"examples": [10, 20], "runs": runs}
    N, D, L = sr.best_losses(record)
    assert N.tolist() == [sr.parameters(4)] * 2
    assert D.tolist() == [10, 20]
    assert L.tolist() == [2.0, 2.0]
    rates, best = sr.best_rates(record)
    assert rates == [0.1, 0.2]
    assert best.tolist() == [0.2, 0.1]


def test_sizes_are_in_order_and_a_rate_that_was_not_run_is_not_best():
    runs = [
        {"h": 8, "rate": 0.2, "seed": 0, "losses": [1.0, 0.5]},
        {"h": 4, "rate": 0.1, "seed": 0, "losses": [4.0, 3.0]},
    ]
    record = {"examples": [10, 20], "runs": runs}
    N, _, L = sr.best_losses(record)
    assert N.tolist() == [sr.parameters(4)] * 2 + [sr.parameters(8)] * 2
    assert L.tolist() == [4.0, 3.0, 1.0, 0.5]
    assert sr.best_rates(record)[1].tolist() == [0.1, 0.1, 0.2, 0.2]


def test_no_best_rate_of_the_record_is_at_an_end_of_its_grid():
    rates, best = sr.best_rates(RECORD)
    assert min(rates) < min(best)
    assert max(best) < max(rates)


def test_the_record_is_complete_and_one_of_its_runs_repeats():
    assert len(RECORD["runs"]) == 7 * 5 * 3
    train, val = sr.book_text()
    again = sr.branched_run(4, RECORD["examples"][:1], 0.01, 1, train, val)[0]
    (run,) = [r for r in RECORD["runs"] if (r["h"], r["rate"], r["seed"]) == (4, 0.01, 1)]
    assert again == pytest.approx(run["losses"][0], abs=0.02)


def test_bad_input():
    with pytest.raises(ValueError, match="at least one hidden unit"):
        sr.Predictor(0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="3000 examples asked for, the text has 2000"):
        sr.branched_run(4, [3000], 0.01, 0, toy(), toy())


def test_symbols_of_the_same_frequency_are_in_order_of_their_codes():
    (numbers,) = sr.encode(["dbca"])
    assert numbers.tolist() == [3, 1, 2, 0]
    assert numbers.dtype == np.int64
    (empty,) = sr.encode([""])
    assert empty.dtype == np.int64
    assert empty.shape == (0,)


def test_frequencies_are_those_of_all_texts_in_lower_case():
    """Three of a, two of b, one of c."""
    first, second = sr.encode(["Abc", "AaB"])
    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [0, 0, 1]


@pytest.mark.parametrize("kinds", [47, 48, 49, 60])
def test_the_last_number_is_for_all_that_are_rarer(kinds):
    text = "".join(chr(0x4E00 + i) * (100 - i) for i in range(kinds))
    (numbers,) = sr.encode([text])
    assert sorted(set(numbers.tolist())) == list(range(min(kinds, 48)))
    counts = np.bincount(numbers)
    assert counts[:47].tolist() == [100 - i for i in range(47)]
    if kinds > 47:
        assert counts[47] == sum(100 - i for i in range(47, kinds))


def test_windows_of_the_shortest_document_and_their_targets():
    contexts, targets = sr.windows([np.arange(8), 10 + np.arange(9)])
    assert contexts.tolist() == [list(range(10, 18))]
    assert targets.tolist() == [18]


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_document_is_held_out_by_the_first_digits_of_its_hash(fraction):
    for i in range(200):
        name = f"Abschnitt {i} ü"
        digits = hashlib.sha256(name.encode("utf-8")).hexdigest()[:16]
        share = Fraction(int(digits, 16), 16**16)
        assert sr.held_out(name, fraction) is (share < Fraction(fraction))


def test_a_tenth_is_held_out_unless_told_otherwise():
    names = [f"page {i}" for i in range(4000)]
    assert [sr.held_out(n) for n in names] == [sr.held_out(n, 0.1) for n in names]


def test_the_text_of_a_book_is_split_by_sections(monkeypatch):
    """Every character has a window, because 8 spaces stand before each section."""
    corpus = SimpleNamespace(
        pages=["p", "p", "q"], titles=["one", "two", "one"], texts=["abca", "bb", "Ccc"]
    )
    monkeypatch.setattr(retrieval_corpus, "load", lambda: corpus)
    asked = []

    def held_out(name):
        asked.append(name)
        return name == "p two"

    monkeypatch.setattr(sr, "held_out", held_out)
    (contexts, targets), (val_contexts, val_targets) = sr.book_text()
    assert asked == ["p one", "p two", "q one"]
    # 24 spaces, then c of which there are four, b of which there are three, and a
    assert targets.tolist() == [3, 2, 1, 3, 1, 1, 1]
    assert contexts[0].tolist() == [0] * 8
    assert contexts[3].tolist() == [0] * 5 + [3, 2, 1]
    assert contexts[4].tolist() == [0] * 8
    assert val_targets.tolist() == [2, 2]
    assert val_contexts.tolist() == [[0] * 8, [0] * 7 + [2]]


@pytest.mark.parametrize("h", [1, 40])
def test_a_predictor_is_an_embedding_and_two_layers(h):
    model = sr.Predictor(h, np.random.default_rng(0))
    embeddings, hidden, out = model.weights
    assert (embeddings.shape, hidden.shape, out.shape) == ((48, 16), (h, 128), (48, h))
    assert model.bias.tolist() == [0] * h
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    with torch.no_grad():
        model.bias.copy_(torch.linspace(-1, 1, h))
    x = torch.tensor(np.random.default_rng(1).integers(0, 48, (5, 8)))
    for row, logits in zip(x, model(x), strict=True):
        features = torch.cat([embeddings[i] for i in row])
        units = torch.clamp(hidden @ features + model.bias, min=0)
        assert torch.allclose(logits, out @ units, atol=1e-4)


def test_initial_weights_have_mean_zero_and_the_deviations_of_mup():
    """Embeddings 1, hidden weights sqrt(2 / 128), the last ones sqrt(16) / 400."""
    model = sr.Predictor(400, np.random.default_rng(0))
    for W, scale in zip(model.weights, (1, 1 / 8, 1 / 100), strict=True):
        values = W.detach()
        assert float(values.mean()) == pytest.approx(0, abs=4 * scale / W.numel() ** 0.5)
        assert float(values.std()) == pytest.approx(scale, rel=4 / (2 * W.numel()) ** 0.5)


def test_the_generator_determines_the_initial_weights():
    first, same, other = (sr.Predictor(4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def numbered(n):
    """Examples whose contexts begin with their own number."""
    return np.repeat(np.arange(n)[:, None], 8, axis=1), np.arange(n) % 48


class Counting(torch.nn.Module):
    """Notes the examples of each batch; its logits have one weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = []

    def forward(self, x):
        self.batches.append(x[:, 0].tolist())
        return self.weight * torch.eye(48)[:1].expand(len(x), 48)


class Noting(torch.optim.SGD):
    """Notes the rates of each step."""

    def __init__(self, groups):
        super().__init__(groups, lr=1.0)
        self.rates = []

    def step(self, closure=None):
        self.rates.append([group["lr"] for group in self.param_groups])
        super().step(closure)


def rates_of(first, last, falling):
    model = Counting()
    spare = torch.nn.Parameter(torch.zeros(1))
    groups = [{"params": [model.weight], "lr": 0.5}, {"params": [spare], "lr": 0.25}]
    optimizer = Noting(groups)
    order = np.random.default_rng(0).permutation(40 * 128)
    sr.steps(model, optimizer, numbered(40 * 128), order, first, last, falling)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    expected = [order[128 * t : 128 * (t + 1)].tolist() for t in range(first, last)]
    assert model.batches == expected
    rates = np.array(optimizer.rates).reshape(-1, 2)
    assert np.allclose(rates[:, 0], 2 * rates[:, 1])
    return (rates[:, 0] / 0.5).tolist()


def test_the_rate_rises_over_30_steps_and_stays():
    by_hand = [(t + 1) / 30 for t in range(30)] + [1] * 10
    assert rates_of(0, 40, falling=False) == pytest.approx(by_hand)
    assert rates_of(28, 33, falling=False) == pytest.approx(by_hand[28:33])
    assert rates_of(5, 5, falling=False) == []


def test_the_rate_falls_in_a_line_from_the_whole():
    assert rates_of(8, 12, falling=True) == pytest.approx([1, 0.75, 0.5, 0.25])


def test_steps_are_torchs_adam_on_the_mean_loss():
    x, y = toy(384)
    model, reference = (sr.Predictor(4, np.random.default_rng(0)) for _ in range(2))
    order = np.random.default_rng(1).permutation(384)
    optimizer = torch.optim.Adam(model.groups(0.3))
    sr.steps(model, optimizer, (x, y), order, 0, 3, falling=True)
    embeddings, hidden, last = reference.weights
    # a quarter of the base width: the last matrix has four times the rate
    theirs = torch.optim.Adam(
        [{"params": [embeddings, hidden, reference.bias]}, {"params": [last]}]
    )
    for t, factor in enumerate((1, 2 / 3, 1 / 3)):
        rows = order[128 * t : 128 * t + 128]
        theirs.zero_grad()
        logits = reference(torch.tensor(x[rows]))
        torch.nn.functional.cross_entropy(logits, torch.tensor(y[rows])).backward()
        for group, rate in zip(theirs.param_groups, (0.3, 1.2), strict=True):
            group["lr"] = factor * rate
        theirs.step()
    for p, q in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-4)


@pytest.mark.parametrize("n", [1, 4096, 4097, 9000])
def test_the_loss_is_the_mean_over_all_examples_in_parts_of_4096(n):
    """All logits are 0 but that of the symbol 0, which is the number of calls so far."""
    lengths = []

    def model(x):
        lengths.append(len(x))
        logits = torch.zeros(len(x), 48)
        logits[:, 0] = len(lengths)
        return logits

    targets = np.zeros(n, np.int64)
    parts = [min(4096, n - start) for start in range(0, n, 4096)]
    losses = [np.log(np.exp(k) + 47) - k for k in range(1, len(parts) + 1)]
    loss = sr.loss_nats(model, (np.zeros((n, 8), np.int64), targets))
    assert isinstance(loss, float)
    assert loss == pytest.approx(np.dot(losses, parts) / n, rel=1e-5)
    assert lengths == parts


def noted_run(monkeypatch, examples, seed=0, h=4):
    """The calls of `steps` and `loss_nats` in a run, with the numbers of their models."""
    calls = []

    def steps(model, optimizer, data, order, first, last, falling):
        held = [p for group in optimizer.param_groups for p in group["params"]]
        assert {id(p) for p in held} == {id(p) for p in model.parameters()}
        rates = [group["lr"] for group in optimizer.param_groups]
        calls.append((id(model), data, order, first, last, falling, rates, type(optimizer), model))
        with torch.no_grad():
            model.bias.add_(last - first)

    def loss_nats(model, data):
        calls.append(("loss", data))
        return float(model.bias.detach()[0])

    monkeypatch.setattr(sr, "steps", steps)
    monkeypatch.setattr(sr, "loss_nats", loss_nats)
    train, val = toy(2000), toy(50)
    losses = sr.branched_run(h, examples, 0.08, seed, train, val)
    return calls, losses, train, val


def test_each_branch_is_a_copy_of_the_stable_run_and_has_the_last_fifth(monkeypatch):
    """1280 examples are ten batches of 128, 1920 are fifteen."""
    calls, losses, train, val = noted_run(monkeypatch, [1920, 1280])
    work = [call for call in calls if call[0] != "loss"]
    assert [call[3:6] for call in work] == [
        (0, 8, False),
        (8, 10, True),
        (8, 12, False),
        (12, 15, True),
    ]
    assert losses == [10, 15]  # each branch has had as many steps as its examples give
    stable, branch, again, other = (call[0] for call in work)
    assert stable == again
    assert len({stable, branch, other}) == 3
    for call in work:
        assert call[1] is train
        assert sorted(call[2].tolist()) == list(range(2000))
        assert call[6] == pytest.approx([0.08, 0.32])  # the width is a quarter of the base
        assert call[7] is torch.optim.Adam
    assert [call[1] for call in calls if call[0] == "loss"] == [val, val]


def test_a_rest_that_is_no_whole_batch_is_left_out(monkeypatch):
    """1400 examples: 10.9 batches, of which 8.75 before the decay."""
    calls, _, _, _ = noted_run(monkeypatch, [1400])
    assert [call[3:6] for call in calls if call[0] != "loss"] == [(0, 8, False), (8, 10, True)]


def test_as_many_examples_as_the_text_has_are_allowed(monkeypatch):
    _, losses, _, _ = noted_run(monkeypatch, [2000])
    assert losses == [15]
    with pytest.raises(ValueError, match="2001 examples asked for, the text has 2000"):
        noted_run(monkeypatch, [128, 2001])


def test_the_seed_determines_the_order_and_with_the_width_the_weights(monkeypatch):
    runs = []
    for seed, h in ((0, 4), (0, 4), (1, 4), (0, 5)):
        calls, *_ = noted_run(monkeypatch, [1280], seed, h)
        runs.append((calls[0][2].tolist(), calls[0][8].weights[0].detach()))
    (order, weights), (order_2, weights_2), (order_3, weights_3), (order_4, weights_4) = runs
    assert order == order_2 == order_4 != order_3
    assert torch.equal(weights, weights_2)
    assert not torch.equal(weights, weights_3)
    assert not torch.equal(weights, weights_4)
    assert order != sorted(order)


@pytest.mark.parametrize("h", [1, 4, 300])
def test_parameters_are_those_of_the_predictor(h):
    model = sr.Predictor(h, np.random.default_rng(0))
    assert sr.parameters(h) == sum(p.numel() for p in model.parameters())


def test_means_are_over_the_seeds_of_each_size_rate_and_number():
    runs = [
        {"h": 8, "rate": 0.2, "seed": 0, "losses": [1.0, 2.0, 3.0]},
        {"h": 4, "rate": 0.1, "seed": 0, "losses": [4.0, 5.0, 6.0]},
        {"h": 8, "rate": 0.2, "seed": 1, "losses": [3.0, 6.0, 5.0]},
    ]
    sizes, rates, losses = sr._mean_losses({"examples": [1, 2, 3], "runs": runs})
    assert sizes == [4, 8]
    assert rates == [0.1, 0.2]
    missing = [np.inf] * 3
    assert losses.tolist() == [[[4, 5, 6], missing], [missing, [2, 4, 4]]]
