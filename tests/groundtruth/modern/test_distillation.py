"""Soft targets and low rank, against torch and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.modern import distillation as ds

Z = torch.tensor(np.random.default_rng(0).normal(0, 3, (7, 5)))
V = torch.tensor(np.random.default_rng(1).normal(0, 3, (7, 5)))
Y = torch.tensor([0, 1, 2, 3, 4, 0, 1])


@pytest.mark.parametrize("T", [0.5, 1.0, 4.0])
def test_the_soft_loss_is_that_of_torch(T):
    theirs = F.kl_div(F.log_softmax(Z / T, 1), F.softmax(V / T, 1), reduction="batchmean")
    assert float(ds.soft_target_loss(Z, V, T)) == pytest.approx(float(T**2 * theirs))


def test_the_mixture_keeps_the_temperature_off_the_labels():
    hard = float(F.cross_entropy(Z, Y))
    assert float(ds.distill_loss(Z, V, Y, 3.0, 0.0)) == pytest.approx(hard)
    soft = float(ds.soft_target_loss(Z, V, 3.0))
    assert float(ds.distill_loss(Z, V, Y, 3.0, 0.25)) == pytest.approx(0.25 * soft + 0.75 * hard)
    assert float(ds.distill_loss(Z, V, Y, 3.0, 1.0)) == pytest.approx(soft)


@pytest.mark.parametrize("T", [1.0, 5.0])
def test_the_gradient_is_numeric_and_that_of_autograd(T):
    def loss(z):
        return float(ds.soft_target_loss(torch.tensor(z)[None], V[:1], T)) / T**2

    ours = ds.soft_target_gradient(Z[0].numpy(), V[0].numpy(), T)
    assert np.allclose(ours, numeric_grad(loss, Z[0].numpy()), atol=1e-8)
    leaf = Z.clone().requires_grad_()
    ds.soft_target_loss(leaf, V, T).backward()
    theirs = leaf.grad.numpy() * len(Z) / T**2
    assert np.allclose(theirs, ds.soft_target_gradient(Z.numpy(), V.numpy(), T))


def test_low_rank_leaves_the_tail_of_singular_values():
    W = np.random.default_rng(2).normal(size=(6, 9))
    s = np.linalg.svd(W, compute_uv=False)
    for r in (1, 3, 6):
        A, B = ds.low_rank(W, r)
        assert A.shape == (6, r)
        assert B.shape == (r, 9)
        assert np.square(W - A @ B).sum() == pytest.approx((s[r:] ** 2).sum(), abs=1e-10)
    assert np.linalg.norm(A, axis=0) == pytest.approx(np.linalg.norm(B, axis=1))


def test_numbers_of_single_precision_are_computed_in_double():
    z, v = Z.float().numpy(), V.float().numpy()
    single = (ds.soft_target_gradient(z, v.astype(float), 3.0), ds.soft_target_gradient(Z, v, 3.0))
    double = (
        ds.soft_target_gradient(z.astype(float), v.astype(float), 3.0),
        ds.soft_target_gradient(Z, v.astype(float), 3.0),
    )
    assert np.allclose(single, double, rtol=1e-12, atol=0)
    (A, B), (C, D) = ds.low_rank(z, 2), ds.low_rank(z.astype(float), 2)
    assert np.allclose(A @ B, C @ D, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ds.soft_target_loss(Z, V[:3], 1.0), "need two"),
        (lambda: ds.soft_target_loss(Z[0], V[0], 1.0), "need two"),
        (lambda: ds.soft_target_loss(Z, V, 0.0), "temperature"),
        (lambda: ds.soft_target_gradient(Z, V, -1.0), "temperature"),
        (lambda: ds.soft_target_gradient(Z, V, 0.0), "temperature"),
        (lambda: ds.low_rank(np.ones(3), 1), "rank"),
        (lambda: ds.distill_loss(Z, V, Y, 1.0, 1.1), "alpha"),
        (lambda: ds.low_rank(np.eye(3), 0), "rank"),
        (lambda: ds.low_rank(np.eye(3), 4), "rank"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
