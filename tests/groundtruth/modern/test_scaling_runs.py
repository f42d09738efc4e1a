"""The recorded runs: text, windows, rates, and one run repeated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
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
