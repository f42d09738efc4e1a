"""The pipeline with planted faults: gradients against torch, each fault as described, bad input."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from groundtruth.check import gradient_errors
from groundtruth.modern import training_faults as tf
from groundtruth.modern.training_faults import CAUSES, Pipeline, Setting
from scipy.special import logsumexp, softmax
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


@pytest.mark.parametrize(
    "options",
    [
        {"examples": 1},
        {"examples": 1497},
        {"width": 1},
        {"batch": 1},
        {"windows": 2},
        {"rate": 1e-9},
        {"dropout": 0.0},
        {"dropout": 0.999},
    ],
)
def test_settings_at_the_ends_of_their_ranges_are_accepted(options):
    name, value = next(iter(options.items()))
    assert getattr(Setting(**options), name) == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cause": "bad luck"}, "'bad luck' must be one of .*'healthy'"),
        ({"width": 0, "batch": 3}, "got 0, 3, 800"),
        ({"width": 3, "batch": 0}, "got 3, 0, 800"),
        ({"rate": -1.0}, "got -1.0, 0.0, 16"),
        ({"dropout": -0.1}, "got 0.2, -0.1, 16"),
    ],
)
def test_errors_of_settings_name_the_values(options, message):
    with pytest.raises(ValueError, match=message):
        Setting(**options)


def test_the_loss_of_rows_on_very_different_scales_is_finite():
    z = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1001.0, -2000.0], [0.0, 1.0, 2.0]])
    y = np.array([2, 1, 0])
    p, loss = tf._softmax_and_loss(z, y)
    assert loss == pytest.approx(np.mean(logsumexp(z, axis=1) - z[np.arange(3), y]), rel=1e-14)
    assert np.allclose(p, softmax(z, axis=1), rtol=1e-14, atol=0)


def test_the_size_of_a_fault_is_the_usual_one_unless_it_is_given():
    assert Pipeline(Setting("other preprocessing")).size == 0.5
    assert Pipeline(Setting("other preprocessing", 0.25)).size == 0.25
    assert Pipeline(Setting("other preprocessing", 0.0)).size == 0.0
    assert isinstance(Pipeline(Setting("few units", 4)).size, float)


def test_large_seeds_are_accepted_and_differ():
    a, b = (Pipeline(Setting(seed=s, width=3)) for s in (10**6, 10**6 + 1))
    assert not np.array_equal(a.X, b.X)
    assert not np.array_equal(a.params[0], b.params[0])


@pytest.mark.parametrize(
    ("cause", "size", "name", "value"),
    [
        ("rate too high", 50.0, "rate", 10.0),
        ("rate too low", 0.01, "rate", 0.002),
        ("few examples", 30.9, "examples", 30),
        ("few units", 4.9, "width", 4),
        ("dropout at evaluation", 0.4, "dropout", 0.4),
    ],
)
def test_a_fault_of_the_setting_changes_one_number(cause, size, name, value):
    given = Setting(cause, size, seed=3)
    changed = Pipeline(given).setting
    assert getattr(changed, name) == pytest.approx(value)
    assert replace(changed, **{name: getattr(given, name)}) == given


def test_buffers_start_at_zero():
    p = Pipeline(Setting(width=3))
    assert [b.shape for b in p.buffers] == [v.shape for v in p.params]
    assert not any(b.any() for b in p.buffers)


@pytest.mark.parametrize(("size", "frozen"), [(1.0, 2), (1.9, 2), (2.9, 4)])
def test_each_frozen_layer_has_two_parameters(size, frozen):
    assert Pipeline(Setting("layers frozen", size)).frozen == frozen
    assert Pipeline(Setting("dead ReLUs", size)).frozen == 0


def test_noisy_labels_are_all_other_classes_equally_often():
    p = Pipeline(Setting("label noise", 1.0, examples=1497))
    known = {row.tobytes(): label for row, label in zip(*digits(), strict=True)}
    for X, y in ((p.X, p.y), (p.X_val, p.y_val)):
        shift = (y - np.array([known[row.tobytes()] for row in X])) % 10
        assert set(shift) == set(range(1, 10))
        expected = len(y) / 9
        assert np.abs(np.bincount(shift)[1:] - expected).max() < 4 * expected**0.5


def test_a_fault_leaves_the_digits_as_they_are():
    images, labels = (v.copy() for v in digits())
    for cause in ("label noise", "labels shuffled", "NaN in the inputs", "other preprocessing"):
        Pipeline(Setting(cause))
    again, same = tf._digits()
    assert np.array_equal(again, images)
    assert np.array_equal(same, labels)


def test_the_images_of_a_fault_are_those_of_the_healthy_pipeline():
    p = Pipeline(Setting(seed=5))
    for cause in ("label noise", "labels shuffled", "softmax twice", "dead ReLUs"):
        q = Pipeline(Setting(cause, seed=5))
        assert np.array_equal(p.X, q.X)
        assert np.array_equal(p.X_val, q.X_val)
    shifted = Pipeline(Setting("other preprocessing", 0.3, seed=5))
    assert np.array_equal(shifted.X, p.X)
    assert np.allclose(shifted.X_val, p.X_val + 0.3)


@pytest.mark.parametrize(
    ("size", "examples", "leaked"), [(0.5, 400, 150), (1.0, 120, 120), (1.0, 500, 300)]
)
def test_validation_images_replace_the_first_training_images(size, examples, leaked):
    p = Pipeline(Setting("validation in training", size, examples=examples))
    clean = Pipeline(Setting(examples=examples))
    assert np.array_equal(p.X[:leaked], p.X_val[:leaked])
    assert np.array_equal(p.y[:leaked], p.y_val[:leaked])
    assert np.array_equal(p.X[leaked:], clean.X[leaked:])
    assert np.array_equal(p.X_val, clean.X_val)


def test_spoiled_pixels_are_anywhere_in_the_training_images():
    places = set()
    for seed in range(400):
        p = Pipeline(Setting("NaN in the inputs", 3.0, examples=3, seed=seed, width=1))
        rows, columns = np.nonzero(np.isnan(p.X))
        assert len(set(columns)) == 1
        places.update(zip(rows, columns, strict=True))
        assert np.isfinite(p.X_val).all()
    assert {row for row, _ in places} == {0, 1, 2}
    assert {column for _, column in places} == set(range(64))


def test_as_many_pixels_are_spoiled_as_the_fault_is_large():
    p = Pipeline(Setting("NaN in the inputs", 5.9, examples=1497))
    assert np.isnan(p.X).sum() == 5


def test_initial_weights_are_normal_with_the_scales_of_he_and_a_small_head():
    p = Pipeline(Setting(width=9))
    state = p.rng.bit_generator.state
    params = p.initial()
    p.rng.bit_generator.state = state
    variances = {(64, 9): 2 / 64, (9, 9): 2 / 9, (9, 10): 0.25 / 9}
    for W, b, (shape, variance) in zip(params[::2], params[1::2], variances.items(), strict=True):
        assert np.allclose(W, p.rng.standard_normal(shape) * variance**0.5, rtol=1e-12)
        assert not b.any()
        assert b.shape == shape[1:]


def test_biases_of_both_hidden_layers_start_low_where_units_are_dead():
    p = Pipeline(Setting("dead ReLUs", 7.0, width=4))
    assert p.params[1].tolist() == p.params[3].tolist() == [-7.0] * 4
    assert not p.params[5].any()


@pytest.mark.parametrize(("examples", "batch", "count"), [(50, 20, 2), (60, 20, 3), (59, 20, 2)])
def test_a_pass_has_whole_batches_only(examples, batch, count):
    p = Pipeline(Setting(examples=examples, batch=batch))
    rows = list(itertools.islice(p.stream(), 2 * count))
    assert {len(r) for r in rows} == {batch}
    for part in (rows[:count], rows[count:]):
        assert len(set(np.concatenate(part))) == count * batch


def test_a_batch_has_at_most_all_examples():
    p = Pipeline(Setting(examples=7, batch=20))
    for rows in itertools.islice(p.stream(), 3):
        assert sorted(rows) == list(range(7))


def test_examples_of_a_class_keep_their_order_in_sorted_batches():
    p = Pipeline(Setting("not shuffled", examples=1000, batch=100))
    rows = np.concatenate(list(itertools.islice(p.stream(), 10)))
    assert rows.tolist() == sorted(range(1000), key=lambda i: (p.y[i], i))


def test_both_hidden_layers_are_dropped_and_rescaled():
    p = Pipeline(Setting(dropout=0.25, width=300))
    X = p.X[:40]
    W1, b1, W2, b2, W3, b3 = p.params
    _, H1, H2, logits = p.forward(X, True)
    plain = np.maximum(X @ W1 + b1, 0)
    kept = H1 != 0
    assert np.allclose(H1[kept], plain[kept] / 0.75)
    assert kept.sum() / (plain > 0).sum() == pytest.approx(0.75, abs=0.02)
    plain = np.maximum(H1 @ W2 + b2, 0)
    kept = H2 != 0
    assert np.allclose(H2[kept], plain[kept] / 0.75)
    assert kept.sum() / (plain > 0).sum() == pytest.approx(0.75, abs=0.02)
    assert np.allclose(logits, H2 @ W3 + b3)


def test_dropout_at_evaluation_is_a_fault_of_the_evaluation_only():
    p = Pipeline(Setting("dropout at evaluation", 0.5))
    first, second = (p.forward(p.X[:5], False) for _ in range(2))
    assert not np.array_equal(first[1], second[1])
    assert p.evaluate() != p.evaluate()
    without = Pipeline(Setting("dropout at evaluation", 0.0))
    assert without.evaluate() == without.evaluate()


def test_random_numbers_are_drawn_only_for_dropout():
    p = Pipeline(Setting(width=3))
    state = p.rng.bit_generator.state
    p.forward(p.X[:5], True)
    assert p.rng.bit_generator.state == state


def test_a_double_softmax_changes_the_loss_and_its_report():
    p = Pipeline(Setting("softmax twice", width=5))
    z = np.random.default_rng(0).normal(size=(6, 10))
    y = np.arange(6)
    inner = softmax(z, axis=1)
    expected = np.mean(logsumexp(inner, axis=1) - inner[np.arange(6), y])
    assert p.loss(z, y) == pytest.approx(expected, rel=1e-12)
    assert Pipeline(Setting(width=5)).loss(z, y) == pytest.approx(
        np.mean(logsumexp(z, axis=1) - z[np.arange(6), y]), rel=1e-12
    )


def test_a_part_of_all_old_gradients_is_added():
    p = Pipeline(Setting("gradients not zeroed", 0.5))
    plain = Pipeline(Setting()).gradients(p.X[:9], p.y[:9])[1]
    for factor in (1.0, 1.5, 1.75):  # 1, 1 + 1/2, 1 + 1/2 + 1/4
        for g, expected in zip(p.gradients(p.X[:9], p.y[:9])[1], plain, strict=True):
            assert np.allclose(g, factor * expected)


def test_a_step_returns_the_loss_before_it():
    p = Pipeline(Setting(width=6))
    X, y = p.X[:9], p.y[:9]
    before = p.loss(p.forward(X, False)[3], y)
    assert p.step(X, y) == pytest.approx(before, rel=1e-12)
    assert p.loss(p.forward(X, False)[3], y) < before


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_evaluation_is_on_the_validation_images(dropout):
    p = Pipeline(Setting(width=6, dropout=dropout))
    logits = p.forward(p.X_val, False)[3]
    value, accuracy = p.evaluate()
    assert value == pytest.approx(p.loss(logits, p.y_val))
    hits = [int(np.argmax(row)) == label for row, label in zip(logits, p.y_val, strict=True)]
    assert accuracy == pytest.approx(np.mean(hits))


def test_a_run_is_steps_on_the_batches_of_the_stream():
    p, q = (Pipeline(Setting(width=6, windows=2)) for _ in range(2))
    curves = p.run()
    stream = q.stream()
    for i in range(2):
        for k in range(25):
            rows = next(stream)
            assert curves.batches[25 * i + k] == q.step(q.X[rows], q.y[rows])
        assert (curves.val[i], curves.accuracy[i]) == q.evaluate()
    assert curves.train == pytest.approx([curves.batches[:25].mean(), curves.batches[25:].mean()])


@pytest.mark.filterwarnings("error")
def test_a_run_that_overflows_warns_of_nothing():
    curves = Pipeline(Setting("rate too high", 1e200, windows=2, width=6)).run()
    assert not np.isfinite(curves.train).all()


class Ends:
    """A generator whose uniform numbers are the two ends of their range in turn."""

    def __init__(self):
        self.count = 0
        self.ranges = []

    def uniform(self, low, high):
        self.ranges.append((low, high))
        self.count += 1
        return low if self.count % 2 else high

    def integers(self, low, high):
        self.ranges.append((low, high))
        return high - 1

    def choice(self, values):
        return values[-1]


def test_random_settings_are_drawn_on_a_logarithmic_scale():
    rng = Ends()
    setting = tf.random_setting("label noise", rng)
    # in turn: strength low, width high, rate low, batch high, examples low
    assert setting.strength == pytest.approx(0.1)
    assert setting.width in (59, 60)  # exp(ln 60) may be rounded below 60
    assert setting.rate == pytest.approx(0.1)
    assert setting.batch in (63, 64)
    assert setting.examples in (499, 500)
    assert setting.dropout == 0.2
    assert setting.seed == 999_999
    exact = [(0.1, 0.4), (20, 60), (0.1, 0.3), (16, 64), (500, 1200)]
    drawn = [pair for pair in rng.ranges if pair != (100, 10**6)]
    assert np.exp(drawn) == pytest.approx(np.array(exact))
    assert len(rng.ranges) == 6


@pytest.mark.parametrize("cause", ["healthy", "not shuffled", "softmax twice"])
def test_a_fault_without_a_range_has_its_usual_strength(cause):
    assert tf.random_setting(cause, np.random.default_rng(0)).strength is None


def test_a_recorded_grid_holds_rounded_losses_by_setting():
    grid = tf.recorded_grid((0.2, 0.1), (0.3,), (4,))
    assert set(grid) == {"rates", "noises", "widths", "runs"}
    assert (grid["rates"], grid["noises"], grid["widths"]) == ([0.2, 0.1], [0.3], [4])
    order = [(run["rate"], run["noise"], run["width"]) for run in grid["runs"]]
    assert order == [(0.2, 0.3, 4), (0.1, 0.3, 4)]
    curves = Pipeline(Setting("label noise", 0.3, rate=0.1, width=4)).run()
    run = grid["runs"][-1]
    assert set(run) == {"rate", "noise", "width", "train", "val"}
    assert run["train"] == [round(v, 2) for v in curves.train.tolist()]
    assert run["val"] == [round(v, 2) for v in curves.val.tolist()]


def test_the_recorded_grid_has_the_usual_settings(monkeypatch):
    recorded = json.loads(GRID.read_text())
    flat = tf.Curves(0.0, np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    monkeypatch.setattr(Pipeline, "run", lambda self: flat)
    grid = tf.recorded_grid()
    for name in ("rates", "noises", "widths"):
        assert grid[name] == recorded[name]
    settings = [[run[k] for k in ("rate", "noise", "width")] for run in recorded["runs"]]
    assert [[run[k] for k in ("rate", "noise", "width")] for run in grid["runs"]] == settings
