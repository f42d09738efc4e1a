"""Cells and their ways back against torch and differences; whole sequences; forgetting."""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import recurrence as rc
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

SEEDS = st.integers(0, 10**6)
KINDS = ("rnn", "lstm", "gru")
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def t(v):
    return torch.tensor(v, dtype=torch.float64)


def twin(kind, w):
    D = w.Wx.shape[0]
    H = w.Wh.shape[0]
    layer = LAYERS[kind](D, H, dtype=torch.float64)
    bh = np.zeros_like(w.b)
    if kind == "gru":
        bh[2 * H :] = w.bn
    with torch.no_grad():
        for p, v in zip(
            (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0),
            (w.Wx.T, w.Wh.T, w.b, bh),
            strict=True,
        ):
            p.copy_(t(v))
    return layer


def drawn(kind, seed, D=3, H=4):
    rng = np.random.default_rng(seed)
    w = rc.make_weights(kind, D, H, seed)
    return (
        w._replace(b=rng.normal(size=w.b.shape), bn=None if w.bn is None else rng.normal(size=H)),
        rng,
    )


@settings(max_examples=15)
@given(SEEDS, st.sampled_from(KINDS), st.integers(1, 6))
def test_sequences_and_their_way_back_equal_torch(seed, kind, T):
    w, rng = drawn(kind, seed)
    x = rng.normal(size=(T, 2, 3))
    h0 = rng.normal(size=(2, 4))
    layer = twin(kind, w)
    leaf = t(x).requires_grad_()
    start = t(h0)[None].requires_grad_()
    out, _ = layer(leaf, (start, torch.zeros_like(start)) if kind == "lstm" else start)
    states, steps = rc.unroll(kind, x, w, h0)
    np.testing.assert_allclose(states, out.detach().numpy(), atol=1e-12)
    pull = rng.normal(size=states.shape)
    out.backward(t(pull))
    dx, dh, dw = rc.bptt(kind, pull, steps, w)
    np.testing.assert_allclose(dx, leaf.grad.numpy(), atol=1e-11)
    np.testing.assert_allclose(dh, start.grad[0].numpy(), atol=1e-11)
    np.testing.assert_allclose(dw.Wx.T, layer.weight_ih_l0.grad.numpy(), atol=1e-11)
    np.testing.assert_allclose(dw.Wh.T, layer.weight_hh_l0.grad.numpy(), atol=1e-11)
    np.testing.assert_allclose(dw.b, layer.bias_ih_l0.grad.numpy(), atol=1e-11)
    if kind == "gru":
        np.testing.assert_allclose(dw.bn, layer.bias_hh_l0.grad.numpy()[8:], atol=1e-11)


def test_the_way_back_through_an_lstm_step_equals_differences():
    w, rng = drawn("lstm", 1)
    x, h, c, ph, pc = rng.normal(size=(2, 3)), *rng.normal(size=(4, 2, 4))
    _, _, step = rc.lstm_cell(x, h, c, w)

    def value(x, h, c):
        return sum(
            (a * b).sum() for a, b in zip(rc.lstm_cell(x, h, c, w)[:2], (ph, pc), strict=True)
        )

    dx, dh, dc, _ = rc.lstm_cell_backward(ph, pc, step, w)
    np.testing.assert_allclose(dx, numeric_grad(lambda v: value(v, h, c), x), atol=1e-8)
    np.testing.assert_allclose(dh, numeric_grad(lambda v: value(x, v, c), h), atol=1e-8)
    np.testing.assert_allclose(dc, numeric_grad(lambda v: value(x, h, v), c), atol=1e-8)


@given(SEEDS)
def test_an_open_forget_gate_keeps_the_cell_and_its_gradient(seed):
    rng = np.random.default_rng(seed)
    w = rc.make_weights("lstm", 2, 3, seed)
    # input shut, forget open
    w = rc.Weights(np.zeros_like(w.Wx), np.zeros_like(w.Wh), np.repeat([-50.0, 50.0, 0.0, 0.0], 3))
    c = rng.normal(size=(1, 3))
    _, new, step = rc.lstm_cell(rng.normal(size=(1, 2)), np.zeros((1, 3)), c, w)
    np.testing.assert_allclose(new, c, atol=1e-12)
    np.testing.assert_allclose(
        rc.lstm_cell_backward(np.zeros((1, 3)), np.ones((1, 3)), step, w)[2], 1, atol=1e-12
    )


@given(SEEDS)
def test_a_closed_update_gate_keeps_the_state(seed):
    rng = np.random.default_rng(seed)
    w = rc.make_weights("gru", 2, 3, seed)
    w = w._replace(b=np.repeat([0.0, 50.0, 0.0], 3))
    h = rng.normal(size=(1, 3))
    np.testing.assert_allclose(rc.gru_cell(rng.normal(size=(1, 2)), h, w)[0], h, atol=1e-12)


@given(st.floats(0.01, 0.999))
def test_after_a_half_life_a_half_is_left(f):
    assert abs(f ** rc.half_life(f) - 0.5) < 1e-9


W = rc.make_weights("rnn", 2, 3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: rc.make_weights("lru", 2, 3), "kind must be"),
        (lambda: rc.make_weights("rnn", 0, 3), "positive sizes"),
        (lambda: rc.rnn_cell(np.ones((1, 3)), np.ones((1, 3)), W), "need x"),
        (lambda: rc.rnn_cell(np.ones((1, 2)), np.ones((2, 3)), W), "need x"),
        (lambda: rc.gru_cell(np.ones((1, 2)), np.ones((1, 3)), W), "a cell of kind 'gru'"),
        (
            lambda: rc.gru_cell(
                np.ones((1, 2)), np.ones((1, 3)), rc.make_weights("gru", 2, 3)._replace(bn=None)
            ),
            "needs bn",
        ),
        (
            lambda: rc.lstm_cell(
                np.ones((1, 2)), np.ones((1, 3)), np.ones((1, 2)), rc.make_weights("lstm", 2, 3)
            ),
            "both must be equal",
        ),
        (lambda: rc.unroll("rnn", np.ones((2, 2)), W), "axes"),
        (lambda: rc.unroll("tanh", np.ones((2, 1, 2)), W), "kind must be"),
        (
            lambda: rc.bptt(
                "rnn", np.ones((1, 1, 3)), rc.unroll("rnn", np.ones((2, 1, 2)), W)[1], W
            ),
            "2 steps",
        ),
        (lambda: rc.half_life(1.0), "strictly between"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
