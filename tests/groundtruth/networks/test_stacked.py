"""Stacked training against torch's Adam, and the independence of its runs."""

import numpy as np
import pytest
import torch
from groundtruth.networks import stacked as st


def linear(p, x):
    w, b = p
    return torch.einsum("rbd,rd->rb", x, w) + b, 0.0


def ridge(p, x):
    out, _ = linear(p, x)
    return out, 0.3 * (p[0] ** 2).sum(1)


def faint(p, x):
    """Outputs so small that gradients are near the 1e-8 of Adam."""
    return 1e-7 * linear(p, x)[0], 0.0


def data(n=40, d=3, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.normal(size=(n, d)))
    return x, x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 1


def start(runs, seed=1):
    rng = np.random.default_rng(seed)
    return [st.weights(runs, (3,), rng), st.weights(runs, (1,), rng)]


@pytest.mark.parametrize("forward", [linear, ridge, faint])
def test_each_run_equals_torch_adam_at_its_own_rate(forward):
    rates = [0.01, 0.1]
    x, y = data()
    params = start(2)
    copies = [[p[r : r + 1].detach().clone().requires_grad_() for p in params] for r in (0, 1)]
    st.train(forward, params, (x, y), rates, 30, 7, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    batches = [rng.integers(0, len(y), (2, 7)) for _ in range(30)]
    for r, rate in enumerate(rates):
        optimizer = torch.optim.Adam(copies[r], rate)
        for index in batches:
            out, extra = forward(copies[r], x[index[r : r + 1]])
            loss = ((out - y[index[r : r + 1]]) ** 2).mean() + torch.as_tensor(extra).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for p, copy in zip(params, copies[r], strict=True):
            np.testing.assert_allclose(p[r].detach(), copy[0].detach(), atol=1e-10)


def test_parameters_without_a_gradient_stay():
    params = start(2)
    before = params[1].detach().clone()
    params[1].requires_grad_(False)
    st.train(linear, params, data(), [0.1, 0.1], 5, 4, np.random.default_rng(0))
    assert torch.equal(params[1], before)


def test_the_error_of_the_mean_is_one_and_of_the_truth_zero():
    x, y = data()
    truth = torch.tensor([[1.0, -2.0, 0.5], [0, 0, 0]], dtype=torch.float64)
    offset = torch.stack([torch.ones(1, dtype=torch.float64), y.mean().reshape(1)])
    np.testing.assert_allclose(st.errors(linear, [truth, offset], (x, y)), [0, 1], atol=1e-12)


def test_the_error_of_a_model_with_one_parameter():
    x, y = data()
    w = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    only = st.errors(lambda p, x: (torch.einsum("rbd,rd->rb", x, p[0]), 0.0), [w], (x, y - 1))
    np.testing.assert_allclose(only, [0], atol=1e-12)


def test_weights_have_the_scale_of_their_inputs():
    w = st.weights(500, (4, 25), np.random.default_rng(3))
    assert w.requires_grad
    assert abs(float(w.detach().std()) - 0.5) < 0.01
    v = st.weights(500, (100,), np.random.default_rng(3), scale=2.0)
    assert abs(float(v.detach().std()) - 2) < 0.04


@pytest.mark.parametrize("shape", [(4, 25), (9, 4, 25), (4,)])
def test_weights_have_mean_zero_and_count_inputs_by_the_second_to_last_size(shape):
    w = st.weights(300, shape, np.random.default_rng(5)).detach()
    assert w.shape == (300, *shape)
    assert float(w.mean()) == pytest.approx(0, abs=0.06)
    assert float(w.std()) == pytest.approx(0.5, abs=0.06)


def test_the_parameters_of_a_single_run_are_counted():
    assert st.count([torch.zeros(1, 2, 3), torch.zeros(1, 4)]) == 10


def test_the_first_step_of_adam_changes_each_parameter_by_its_rate():
    params = start(2)
    before = [p.detach().clone() for p in params]
    st.train(linear, params, data(), [0.01, 0.1], 1, 1, np.random.default_rng(6))
    for p, old in zip(params, before, strict=True):
        change = (p.detach() - old).abs()
        np.testing.assert_allclose(change[0], 0.01, rtol=1e-4)
        np.testing.assert_allclose(change[1], 0.1, rtol=1e-4)


def test_the_rate_is_chosen_on_the_selection_data_alone():
    selection = np.array([1.0, 9, 1, 2, 2, 2])
    test = np.array([5.0, 6, 7, 0, 0, 0])
    rate, errors = st.at_best_rate(selection, test, [0.1] * 3 + [0.2] * 3)
    assert rate == 0.1
    assert errors.tolist() == [5, 6, 7]


def test_the_rate_is_chosen_by_the_median_not_by_the_best_run():
    selection = np.array([0.0, 9, 9, 2, 2, 2])
    rate, errors = st.at_best_rate(selection, selection - 2, [0.1] * 3 + [0.2] * 3)
    assert rate == 0.2
    assert errors.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: st.weights(0, (2,), np.random.default_rng(0)), "at least one run"),
        (lambda: st.weights(2, (), np.random.default_rng(0)), "a shape"),
        (
            lambda: st.train(linear, start(2), data(), [0.1], 5, 4, np.random.default_rng(0)),
            "1 runs, one per rate",
        ),
        (
            lambda: st.train(linear, start(1), data(), [0.1], 0, 4, np.random.default_rng(0)),
            "positive steps",
        ),
        (
            lambda: st.train(linear, start(1), data(), [0.1], 5, 0, np.random.default_rng(0)),
            "positive steps",
        ),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
