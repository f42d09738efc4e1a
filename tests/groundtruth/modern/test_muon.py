"""Muon against torch's; its iteration against the singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from groundtruth.check import gradient_errors
from groundtruth.modern import muon as mu
from scipy.linalg import polar


def matrix(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", [(12, 12), (8, 20), (20, 8)])
def test_the_iteration_keeps_singular_vectors_and_maps_singular_values(shape):
    G = matrix(shape)
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    s = s / np.linalg.norm(G)
    for _ in range(5):
        a, b, c = mu.COEFFICIENTS
        s = a * s + b * s**3 + c * s**5
    assert np.allclose(mu.newton_schulz(G), (U * s) @ Vt, atol=1e-10)


def test_it_does_not_depend_on_the_size_of_the_gradient():
    G = matrix((6, 9))
    assert np.allclose(mu.newton_schulz(1000 * G), mu.newton_schulz(G), atol=1e-12)
    assert np.allclose(mu.newton_schulz(1e-3 * G), mu.newton_schulz(G), atol=1e-12)
    assert not mu.newton_schulz(np.zeros((3, 3))).any()


def test_the_polar_factor_is_orthogonal_and_near_the_iteration():
    Q = mu.polar(matrix((7, 7)))
    assert np.allclose(Q @ Q.T, np.eye(7), atol=1e-12)
    assert np.abs(np.linalg.svd(Q.T @ mu.newton_schulz(matrix((7, 7))))[1] - 1).max() < 0.5


@pytest.mark.parametrize("shape", [(3, 8), (8, 3)])
def test_the_polar_factor_is_scipys(shape):
    assert np.allclose(mu.polar(matrix(shape)), polar(matrix(shape))[0], atol=1e-12)


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 48)])
def test_five_steps_are_torchs(shape):
    """Torch iterates in bfloat16: a few hundredths of the change."""
    W = matrix(shape)
    start = W.copy()
    p = torch.nn.Parameter(torch.tensor(W))
    theirs = torch.optim.Muon([p], lr=0.1, weight_decay=0)
    ours = mu.Muon(0.1)
    for seed in range(5):
        g = matrix(shape, seed + 1)
        p.grad = torch.tensor(g)
        theirs.step()
        ours.step(W, g)
    gap = np.linalg.norm(W - p.detach().numpy())
    assert gap < 0.06 * np.linalg.norm(W - start)


def test_without_momentum_each_step_is_orthogonal():
    W = np.zeros((5, 5))
    mu.Muon(0.5, momentum=0.0).step(W, matrix((5, 5)), factor=0.5)
    assert np.allclose(W, -0.25 * mu.newton_schulz(matrix((5, 5))), atol=1e-12)


@pytest.mark.parametrize("rotated", [True, False])
def test_loss_and_gradient_of_the_linear_task(rotated):
    task = mu.LinearTask(6, 100.0, rotated, np.random.default_rng(0))
    eigenvalues = np.linalg.eigvalsh(task.S)
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(100.0)
    assert eigenvalues[-1] == pytest.approx(1.0)
    assert task.loss(task.target) == 0
    W = matrix((6, 6))
    assert max(gradient_errors(lambda: task.loss(W), [W], [task.gradient(W)])) < 1e-7
    diagonal = np.allclose(task.S, np.diag(np.diag(task.S)))
    assert diagonal != rotated


def test_a_linear_task_of_condition_1_has_the_identity_as_covariance():
    task = mu.LinearTask(2, 1.0, True, np.random.default_rng(0))
    assert np.allclose(task.S, np.eye(2), atol=1e-12)


def test_the_rows_of_the_target_have_norms_near_1():
    target = mu.LinearTask(200, 10.0, False, np.random.default_rng(1)).target
    assert np.mean(np.sum(target**2, axis=1)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mu.newton_schulz(np.ones(3)), "finite matrix"),
        (lambda: mu.newton_schulz(np.full((2, 2), np.nan)), "finite matrix"),
        (lambda: mu.Muon(0.0), "rate > 0"),
        (lambda: mu.Muon(0.1, 1.0), "momentum in"),
        (lambda: mu.LinearTask(1, 10.0, True, np.random.default_rng(0)), "n >= 2"),
        (lambda: mu.LinearTask(4, 0.5, True, np.random.default_rng(0)), "condition number >= 1"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(("kind", "rate"), [("SGD", 0.05), ("Adam", 0.03)])
def test_descent_is_that_of_torchs_optimizers(kind, rate):
    task = mu.LinearTask(6, 100, True, np.random.default_rng(0))
    W = torch.nn.Parameter(torch.zeros(6, 6, dtype=torch.float64))
    optimizer = (
        torch.optim.SGD([W], rate, momentum=0.9)
        if kind == "SGD"
        else torch.optim.Adam([W], rate, betas=(0.9, 0.99), eps=1e-12)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 - t / 40)
    for _ in range(40):
        W.grad = torch.tensor(task.gradient(W.detach().numpy()))
        optimizer.step()
        schedule.step()
    expected = task.loss(W.detach().numpy()) / task.loss(np.zeros((6, 6)))
    assert mu.descend(task, kind, rate, 40) == pytest.approx(expected, rel=1e-9)
    assert expected < 0.5


def test_descent_by_muon_is_its_steps_with_a_falling_rate():
    task = mu.LinearTask(5, 10, False, np.random.default_rng(1))
    W = np.zeros((5, 5))
    ours = mu.Muon(0.2, 0.9)
    for t in range(8):
        ours.step(W, task.gradient(W), 1 - t / 8)
    expected = task.loss(W) / task.loss(np.zeros((5, 5)))
    assert mu.descend(task, "Muon", 0.2, 8) == pytest.approx(expected)


def test_descent_that_diverges_is_infinite_and_takes_a_hundred_steps_by_default():
    task = mu.LinearTask(4, 10, True, np.random.default_rng(2))
    assert mu.descend(task, "SGD", 100.0) == float("inf")
    assert mu.descend(task, "Adam", 0.1) == mu.descend(task, "Adam", 0.1, 100)


def test_descent_by_another_optimizer():
    with pytest.raises(ValueError, match="got 'Lion'"):
        mu.descend(mu.LinearTask(4, 10, True, np.random.default_rng(0)), "Lion", 0.1)


@pytest.mark.parametrize(("rate", "finite"), [(1e6, True), (1_000_000.5, False), (2e6, False)])
def test_descent_stops_where_an_entry_exceeds_a_million(rate, finite):
    """With S = 1 and a target of ones the first step goes to the rate itself."""
    task = mu.LinearTask(3, 1, False, np.random.default_rng(0))
    task.target = np.ones((3, 3))
    assert np.isfinite(mu.descend(task, "SGD", rate, 1)) == finite


def test_descent_by_adam_follows_gradients_below_its_epsilon():
    task = mu.LinearTask(3, 1, False, np.random.default_rng(0))
    task.target = np.full((3, 3), 1e-13)
    assert mu.descend(task, "Adam", 1e-14, 10) < 1
