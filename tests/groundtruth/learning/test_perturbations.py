"""Dropout keeps the mean, smoothing equals torch, mix-up keeps mass, stopping keeps the best; bad
input.
"""

import numpy as np
import pytest
import torch
from groundtruth.learning import perturbations as pert
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_a_mask_has_mean_one_the_stated_variance_and_torchs_values(p):
    mask = pert.dropout_mask((400_000,), p, rng(1))
    assert abs(mask.mean() - 1) < 5 * np.sqrt(p / (1 - p) / 400_000) + 1e-12  # five standard errors
    assert np.isclose(mask.var(), p / (1 - p), rtol=0.05, atol=1e-9)
    torch.manual_seed(0)
    assert set(
        torch.unique(torch.nn.functional.dropout(torch.ones(1000, dtype=torch.float64), p)).tolist()
    ) == set(np.unique(mask[:1000]).tolist())


@given(seeds, st.floats(0, 0.9))
def test_evaluation_changes_nothing(seed, p):
    x = rng(seed).normal(size=7)
    assert np.array_equal(pert.dropout(x, p, rng(), train=False), x)
    y = pert.dropout(x, p, rng(seed), train=True)
    assert np.allclose(y[y != 0], x[y != 0] / (1 - p))


def test_mc_dropout_has_the_closed_forms_spread():
    r = rng(2)
    w = np.array([1.0, 2.0, 3.0])
    mean, std = pert.mc_dropout(
        lambda x: (x * pert.dropout_mask(x.shape, 0.25, r)) @ w, np.ones(3), 40_000
    )
    assert np.isclose(mean, 6, rtol=0.01)
    assert np.isclose(std, np.sqrt((w**2).sum() / 3), rtol=0.02)


@given(seeds, st.floats(0, 0.9))
def test_the_loss_of_smooth_labels_equals_torch(seed, eps):
    r = rng(seed)
    z = r.normal(size=(8, 5))
    labels = r.integers(0, 5, 8)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    ours = -(pert.label_smooth(np.eye(5)[labels], eps) * logp).sum(1).mean()
    want = torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(labels), label_smoothing=eps
    )
    assert np.isclose(ours, want.item(), atol=1e-12)


@given(seeds, st.floats(0.1, 5))
def test_mixup_keeps_the_mass_and_the_means(seed, alpha):
    r = rng(seed)
    X = r.normal(size=(9, 3))
    Y = np.eye(4)[r.integers(0, 4, 9)]
    A, T = pert.mixup(X, Y, alpha, r)
    assert np.allclose(T.sum(1), 1)
    assert (T >= 0).all()
    assert A.min() >= X.min() - 1e-12
    assert A.max() <= X.max() + 1e-12  # a p + a (1 - p) may differ from a in its last bit
    both = np.column_stack([X, Y])
    C, _ = pert.mixup(both, Y, alpha, rng(seed + 1))
    D, E = pert.mixup(both, Y, alpha, rng(seed + 1))
    assert np.array_equal(C, D)
    assert np.allclose(D[:, 3:], E)  # inputs and labels are mixed in one proportion


def test_images_move_by_at_most_one_pixel():
    image = np.zeros((1, 25))
    image[0, 12] = 1.0
    places = {int(pert.shift_images(image, 5, rng(s)).argmax()) for s in range(200)}
    assert places == {6, 7, 8, 11, 12, 13, 16, 17, 18}


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.integers(1, 5))
def test_stopping_keeps_the_best_state_and_its_patience(losses, patience):
    stop = pert.EarlyStopping(patience)
    ended = None
    for step, loss in enumerate(losses):
        if stop.report(loss, step):
            ended = step
            break
    seen = losses[: (len(losses) if ended is None else ended + 1)]
    assert stop.best == min(seen)
    assert stop.best_state == seen.index(min(seen))
    if ended is not None:
        assert ended - stop.best_state == patience


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pert.dropout_mask((2,), 1.0, rng()), "probability to drop"),
        (lambda: pert.dropout([1.0], -0.1, rng(), True), "probability"),
        (lambda: pert.mc_dropout(lambda x: x, 1.0, 1), "two draws"),
        (lambda: pert.label_smooth([[1.0, 1.0]], 0.1), "sum to one"),
        (lambda: pert.label_smooth([[1.0, 0.0]], 1.0), "eps"),
        (lambda: pert.mixup([[1.0]], [], 1.0, rng()), "as many labels"),
        (lambda: pert.mixup([[1.0]], [[1.0]], 0.0, rng()), "alpha"),
        (lambda: pert.shift_images(np.ones((1, 8)), 3, rng()), "side 3"),
        (lambda: pert.EarlyStopping(0), "patience"),
        (lambda: pert.EarlyStopping(1).report(np.nan), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
