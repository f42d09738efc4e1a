"""The pipeline with planted faults: gradients against torch, each fault as described, bad input."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from groundtruth.check import gradient_errors
from groundtruth.modern import training_faults as tf
from groundtruth.modern.training_faults import CAUSES, Pipeline, Setting
from sklearn.datasets import load_digits

GRID = Path(__file__).parents[3] / "book" / "_assets" / "results" / "diagnosing-grid.json"


def torch_gradients(p, X, y):
    params = [torch.tensor(v, requires_grad=True) for v in p.params]
    h = torch.tensor(X)
    for i in (0, 2):
        h = torch.relu(h @ params[i] + params[i + 1])
    z = h @ params[4] + params[5]
    if p.has("softmax twice"):
        z = z.softmax(1)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(y))
    return float(loss.detach()), torch.autograd.grad(loss, params)


@pytest.mark.parametrize("cause", ["healthy", "softmax twice", "layers frozen", "label noise"])
def test_gradients_are_those_of_torch(cause):
    p = Pipeline(Setting(cause, seed=3))
    loss, ours = p.gradients(p.X[:20], p.y[:20])
    expected, theirs = torch_gradients(p, p.X[:20], p.y[:20])
    assert np.isclose(loss, expected, rtol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(a, b.numpy(), atol=1e-13)


def test_gradients_with_dropout_are_those_of_the_masked_network():
    p = Pipeline(Setting(dropout=0.4, width=6))
    X, y = p.X[:7], p.y[:7]
    state = p.rng.bit_generator.state

    def loss():
        p.rng.bit_generator.state = state
        return p.loss(p.forward(X, True)[3], y)

    p.rng.bit_generator.state = state
    grads = p.gradients(X, y)[1]
    assert max(gradient_errors(loss, p.params[2:], grads[2:])) < 1e-5


def test_dropout_keeps_the_mean_and_is_off_in_evaluation():
    p = Pipeline(Setting(dropout=0.4, width=200))
    trained = np.mean([p.forward(p.X[:50], True)[1].mean() for _ in range(60)])
    plain = p.forward(p.X[:50], False)[1].mean()
    assert np.isclose(trained, plain, rtol=0.02)
    assert np.array_equal(p.forward(p.X[:5], False)[3], p.forward(p.X[:5], False)[3])


def test_a_step_is_gradient_descent():
    p = Pipeline(Setting(rate=0.3))
    before = [v.copy() for v in p.params]
    _, grads = Pipeline(Setting(rate=0.3)).gradients(p.X[:9], p.y[:9])
    p.step(p.X[:9], p.y[:9])
    for a, b, g in zip(before, p.params, grads, strict=True):
        assert np.allclose(a - 0.3 * g, b, atol=1e-15)


def test_a_pass_of_the_stream_visits_every_example_once():
    p = Pipeline(Setting(examples=60, batch=20))
    batches = list(itertools.islice(p.stream(), 6))
    assert sorted(np.concatenate(batches[:3])) == list(range(60))
    assert sorted(np.concatenate(batches[3:])) == list(range(60))
    assert not np.array_equal(batches[0], batches[3])


def test_training_and_validation_images_are_disjoint_and_real():
    p = Pipeline(Setting())
    rows = {row.tobytes() for row in p.X}
    assert p.X.shape == (800, 64)
    assert p.X_val.shape == (300, 64)
    assert not any(row.tobytes() in rows for row in p.X_val)
    known = {row.tobytes(): label for row, label in zip(*digits(), strict=True)}
    assert all(known[row.tobytes()] == label for row, label in zip(p.X, p.y, strict=True))


def digits():
    data = load_digits()
    return data.data / 16 - 0.5, data.target


def test_curves_hold_the_means_of_their_windows():
    curves = Pipeline(Setting(windows=4)).run()
    assert curves.batches.shape == (100,)
    assert curves.first == curves.batches[0]
    assert np.allclose(curves.train[2], curves.batches[50:75].mean())


def test_the_last_validation_point_is_that_of_the_trained_network():
    p = Pipeline(Setting(windows=3))
    curves = p.run()
    assert (curves.val[-1], curves.accuracy[-1]) == p.evaluate()


def test_the_same_seed_gives_the_same_run_and_another_one_does_not():
    a, b, c = (Pipeline(Setting(seed=s, windows=3)).run() for s in (1, 1, 2))
    assert np.array_equal(a.batches, b.batches)
    assert not np.array_equal(a.batches, c.batches)


def test_label_noise_replaces_the_fraction_it_is_given_by_other_classes():
    clean = Pipeline(Setting("label noise", 0.0))
    noisy = Pipeline(Setting("label noise", 0.3))
    known = {row.tobytes(): label for row, label in zip(*digits(), strict=True)}
    wrong = [known[row.tobytes()] != y for row, y in zip(noisy.X, noisy.y, strict=True)]
    assert np.isclose(np.mean(wrong), 0.3, atol=0.05)
    assert all(known[row.tobytes()] == y for row, y in zip(clean.X, clean.y, strict=True))
    assert set(noisy.y) == set(range(10))


@pytest.mark.parametrize(("cause", "factor"), [("rate too high", 50), ("rate too low", 1e-3)])
def test_wrong_rates_are_multiples(cause, factor):
    assert np.isclose(Pipeline(Setting(cause)).setting.rate, 0.2 * factor)


def test_each_fault_is_where_it_should_be():
    assert len(Pipeline(Setting("few examples", 12)).X) == 12
    assert Pipeline(Setting("few units", 4)).params[2].shape == (4, 4)
    assert Pipeline(Setting("dead ReLUs", 7)).params[3].max() == -7
    assert np.isnan(Pipeline(Setting("NaN in the inputs", 1)).X).sum() == 1
    assert Pipeline(Setting("other preprocessing", 0.5)).X_val.min() == 0
    assert Pipeline(Setting("layers frozen", 1)).frozen == 2


def test_shuffled_labels_keep_their_counts():
    p, q = Pipeline(Setting()), Pipeline(Setting("labels shuffled"))
    both = [np.bincount(np.concatenate([r.y, r.y_val]), minlength=10) for r in (p, q)]
    assert np.abs(both[0] - both[1]).max() < 40
    assert np.mean(p.y == q.y) < 0.2


def test_old_gradients_are_added():
    p = Pipeline(Setting("gradients not zeroed"))
    first = p.gradients(p.X[:9], p.y[:9])[1]
    second = p.gradients(p.X[:9], p.y[:9])[1]
    assert np.allclose(second[0], 2 * first[0])


def test_frozen_layers_do_not_move_and_the_head_does():
    p = Pipeline(Setting("layers frozen", 2))
    before = [v.copy() for v in p.params]
    p.step(p.X[:9], p.y[:9])
    assert [bool((a == b).all()) for a, b in zip(before, p.params, strict=True)] == [
        *(4 * [True]),
        *(2 * [False]),
    ]


def test_batches_in_the_order_of_the_classes():
    p = Pipeline(Setting("not shuffled"))
    seen = np.concatenate([p.y[rows] for rows in itertools.islice(p.stream(), 25)])
    assert (np.diff(seen) >= 0).all()


@pytest.mark.parametrize("cause", CAUSES)
def test_random_settings_are_valid_and_of_the_cause(cause):
    rng = np.random.default_rng(5)
    settings = [tf.random_setting(cause, rng) for _ in range(20)]
    assert {s.cause for s in settings} == {cause}
    assert all(20 <= s.width < 60 and 16 <= s.batch < 64 for s in settings)
    assert all(500 <= s.examples < 1200 and 0.1 <= s.rate <= 0.3 for s in settings)
    assert {s.dropout for s in settings} == {0.0, 0.2}


def test_strengths_stay_in_their_ranges():
    rng = np.random.default_rng(6)
    values = [tf.random_setting("few units", rng).strength for _ in range(50)]
    assert 2 <= min(values) < 2.5
    assert 4 < max(values) <= 4.9


def test_the_recorded_grid_is_that_of_the_code():
    recorded = json.loads(GRID.read_text())
    assert len(recorded["runs"]) == 80
    again = tf.recorded_grid((0.02, 0.2), (0.0, 0.5), (3, 24))["runs"]
    table = {(r["rate"], r["noise"], r["width"]): r for r in recorded["runs"]}
    for run in again:
        same = table[run["rate"], run["noise"], run["width"]]
        assert np.allclose(run["train"], same["train"], atol=0.02)
        assert np.allclose(run["val"], same["val"], atol=0.02)


def test_unlabeled_runs_are_those_of_their_causes():
    runs = tf.unlabeled()
    assert list(runs) == list("ABCDEF")
    assert np.array_equal(
        runs["B"].batches, Pipeline(Setting("rate too low", seed=32)).run().batches
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cause": "bad luck"}, "bad luck"),
        ({"width": 0}, "width"),
        ({"batch": 0}, "batch"),
        ({"examples": 1498}, "1498"),
        ({"examples": 0}, "examples"),
        ({"rate": 0.0}, "rate"),
        ({"rate": float("inf")}, "rate"),
        ({"dropout": 1.0}, "dropout"),
        ({"windows": 1}, "windows"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Setting(**options)
