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


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_uniform_within_one_over_the_root_of_the_state(kind):
    w = rc.make_weights(kind, 30, 25)
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    assert w.Wx.shape == (30, gates * 25)
    assert w.Wh.shape == (25, gates * 25)
    for W in (w.Wx, w.Wh):
        assert W.max() == pytest.approx(0.2, abs=0.01)
        assert W.min() == pytest.approx(-0.2, abs=0.01)
        assert abs(W).max() <= 0.2
        assert abs(W.mean()) < 0.015
    same = rc.make_weights(kind, 30, 25, 0)
    other = rc.make_weights(kind, 30, 25, 1)
    for a, b, c in zip(w[:2], same[:2], other[:2], strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    assert w.b.shape == (gates * 25,)
    if kind == "gru":
        assert (w.bn.shape, w.bn.any()) == ((25,), False)
    else:
        assert w.bn is None


def test_only_the_forget_gate_of_an_lstm_starts_open():
    assert rc.make_weights("lstm", 1, 2, forget=3.0).b.tolist() == [0, 0, 3, 3, 0, 0, 0, 0]
    assert rc.make_weights("lstm", 1, 1).b.tolist() == [0, 1, 0, 0]
    for kind in ("rnn", "gru"):
        assert not rc.make_weights(kind, 1, 2, forget=3.0).b.any()


def test_weights_need_a_known_kind_and_positive_sizes():
    with pytest.raises(ValueError, match=r"one of \['gru', 'lstm', 'rnn'\], got 'lru'"):
        rc.make_weights("lru", 1, 1)
    for D, H in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"need positive sizes, got D={D}, H={H}"):
            rc.make_weights("rnn", D, H)


def cell(kind, x, h, w):
    """A step of any kind, the new state and what is saved for the backward pass."""
    if kind == "lstm":
        out, _, step = rc.lstm_cell(x, h, np.zeros_like(h), w)
        return out, step
    return (rc.rnn_cell if kind == "rnn" else rc.gru_cell)(x, h, w)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [np.float32, np.longdouble, np.int64])
def test_states_are_computed_in_double_precision(kind, width):
    w, _ = drawn(kind, 2)
    x = np.array([[1, 2, 3], [0, -1, 2]])
    h = np.array([[1, 0, -1, 0], [0, 1, 0, 2]])
    expected = cell(kind, x.astype(float), h.astype(float), w)[0]
    for args in ((x.astype(width), h), (x, h.astype(width))):
        out, step = cell(kind, *args, w)
        assert out.dtype == step.x.dtype == step.h.dtype == np.float64
        np.testing.assert_allclose(out, expected, rtol=1e-14)
    if kind == "lstm":
        _, new, step = rc.lstm_cell(x, h, h.astype(width), w)
        assert new.dtype == step.c.dtype == np.float64
    states, steps = rc.unroll(kind, x[None].astype(width), w, h.astype(width), h.astype(width))
    assert states.dtype == steps[0].x.dtype == steps[0].h.dtype == np.float64


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_needs_weights_of_its_kind(kind):
    w = rc.make_weights(kind, 3, 2)
    x = np.ones((1, 3))
    h = np.ones((1, 2))
    gates = len(w.b) // 2
    for wrong in (
        w._replace(Wh=w.Wh[:, :-1]),
        w._replace(b=w.b[:-1]),
        w._replace(b=w.b[:, None]),
        w._replace(Wh=w.Wh[:-1]),
    ):
        with pytest.raises(ValueError, match=rf"kind '{kind}' needs Wh \(H, {gates} H\) and b"):
            cell(kind, x, h, wrong)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "h"),
    [((3,), (1, 2)), ((1, 2), (1, 2)), ((1, 3), (2, 2)), ((1, 3), (1, 3)), ((1, 3), (2,))],
)
def test_a_cell_needs_a_row_of_inputs_and_of_state_for_each_example(kind, x, h):
    w = rc.make_weights(kind, 3, 2)
    with pytest.raises(ValueError, match=r"need x \(N, 3\) and h \(N, 2\), got the shapes"):
        cell(kind, np.ones(x), np.ones(h), w)


def test_the_cell_of_an_lstm_has_the_shape_of_its_state():
    w = rc.make_weights("lstm", 3, 2)
    for shape in ((2,), (2, 2), (1, 3)):
        with pytest.raises(ValueError, match=r"h has the shape \(1, 2\), c .* both must be equal"):
            rc.lstm_cell(np.ones((1, 3)), np.ones((1, 2)), np.ones(shape), w)


@pytest.mark.parametrize("bn", [None, np.zeros(3), np.zeros((2, 1)), np.zeros(())])
def test_a_gru_has_a_bias_inside_its_reset_gate(bn):
    w = rc.make_weights("gru", 3, 2)._replace(bn=bn)
    with pytest.raises(ValueError, match=r"a GRU needs bn of shape \(2,\), the bias inside its"):
        rc.gru_cell(np.ones((1, 3)), np.ones((1, 2)), w)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_starts_from_zeros_unless_told(kind):
    w, rng = drawn(kind, 4)
    x = rng.normal(size=(3, 2, 3))
    zero = np.zeros((2, 4))
    states, steps = rc.unroll(kind, x, w)
    np.testing.assert_array_equal(states, rc.unroll(kind, x, w, zero, zero)[0])
    assert states.shape == (3, 2, 4)
    assert not steps[0].h.any()
    np.testing.assert_array_equal(steps[2].h, states[1])


def test_a_sequence_may_start_with_a_cell():
    w, rng = drawn("lstm", 5)
    x = rng.normal(size=(3, 2, 3))
    h0, c0 = rng.normal(size=(2, 2, 4))
    out, _ = twin("lstm", w)(t(x), (t(h0)[None], t(c0)[None]))
    np.testing.assert_allclose(rc.unroll("lstm", x, w, h0, c0)[0], out.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (0, 2, 3), (1, 1, 2, 3)])
def test_a_sequence_has_three_axes_and_a_step(shape):
    with pytest.raises(ValueError, match=r"x must have the axes \(T, N, D\) with T >= 1"):
        rc.unroll("rnn", np.ones(shape), rc.make_weights("rnn", 3, 2))


def test_a_sequence_needs_a_known_kind():
    with pytest.raises(ValueError, match=r"one of \['gru', 'lstm', 'rnn'\], got 'tanh'"):
        rc.unroll("tanh", np.ones((1, 1, 3)), rc.make_weights("rnn", 3, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_back_needs_a_gradient_for_each_step_and_tells_bn_for_a_gru_only(kind):
    w, rng = drawn(kind, 6)
    states, steps = rc.unroll(kind, rng.normal(size=(2, 1, 3)), w)
    _, _, dw = rc.bptt(kind, states, steps, w)
    assert (dw.bn is None) == (kind != "gru")
    for wrong in (states[:1], np.concatenate([states, states])):
        with pytest.raises(ValueError, match=f"there are 2 steps and {len(wrong)} gradients"):
            rc.bptt(kind, wrong, steps, w)


def test_a_half_life_belongs_to_a_factor_between_zero_and_one():
    for wrong in (0.0, 1.0, -0.5, 1.5, np.nan, [0.5, 1.0]):
        with pytest.raises(ValueError, match="a factor that forgets lies strictly between 0 and 1"):
            rc.half_life(wrong)
    for width in (np.float32, np.longdouble):
        life = rc.half_life(np.array([0.5, 0.25], width))
        assert (life.dtype, life.tolist()) == (np.float64, [1.0, 0.5])


def test_a_bias_that_a_cell_does_not_use_gets_no_gradient():
    w = rc.make_weights("rnn", 3, 2)._replace(bn=np.zeros(2))
    states, steps = rc.unroll("rnn", np.ones((2, 1, 3)), w)
    assert rc.bptt("rnn", states, steps, w)[2].bn is None
