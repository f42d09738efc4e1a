"""Attention, heads, positions and the block against torch; backward passes; masks leak nothing;
tiles and cache change nothing.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.networks import attention as at
from groundtruth.networks import positions as pos
from groundtruth.networks import transformer as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

RNG = np.random.default_rng(0)
SEEDS = st.integers(0, 10**6)


def t(v):
    return torch.tensor(v, dtype=torch.float64)


def projections(C, seed=0, biases=False):
    rng = np.random.default_rng(seed)
    return at.Projections(
        *rng.normal(0, C**-0.5, (4, C, C)), rng.normal(size=(4, C)) if biases else None
    )


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 6), st.integers(0, 5), st.booleans())
def test_attention_and_its_backward_pass_equal_torch(seed, n, more, masked):
    rng = np.random.default_rng(seed)
    m = n + more
    q = rng.normal(size=(2, 3, n, 4))
    k = rng.normal(size=(2, 3, m, 4))
    v = rng.normal(size=(2, 3, m, 5))
    mask = at.causal_mask(n, m) if masked else None
    leaves = [t(a).requires_grad_() for a in (q, k, v)]
    theirs = F.scaled_dot_product_attention(
        *leaves, attn_mask=None if mask is None else torch.tensor(mask)
    )
    ours, saved = at.sdpa(q, k, v, mask)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-12)
    upstream = rng.normal(size=ours.shape)
    theirs.backward(t(upstream))
    for a, leaf in zip(at.sdpa_backward(upstream, saved), leaves, strict=True):
        np.testing.assert_allclose(a, leaf.grad.numpy(), atol=1e-11)


@pytest.mark.parametrize("leading", [(), (3,)])
def test_the_backward_pass_of_few_axes_equals_differences(leading):
    rng = np.random.default_rng(1)
    args = [rng.normal(size=(*leading, n, d)) for n, d in ((2, 3), (4, 3), (4, 5))]
    out, saved = at.sdpa(*args)
    upstream = rng.normal(size=out.shape)
    for i, ours in enumerate(at.sdpa_backward(upstream, saved)):

        def value(x, i=i):
            return (at.sdpa(*args[:i], x, *args[i + 1 :])[0] * upstream).sum()

        np.testing.assert_allclose(ours, numeric_grad(value, args[i]), atol=1e-8)


def test_scores_of_half_precision_are_computed_in_single():
    q, k, v = RNG.normal(0, 300, (3, 4, 8)).astype(np.float16)
    assert at.sdpa(q, k, v)[0].dtype == np.float32
    np.testing.assert_allclose(
        at.sdpa(q, k, v)[0], at.sdpa(*(a.astype(np.float32) for a in (q, k, v)))[0]
    )


@given(SEEDS)
def test_weights_are_distributions_and_outputs_stay_in_the_hull(seed):
    rng = np.random.default_rng(seed)
    q, k, v = rng.normal(0, 3, (3, 5, 4))
    out, saved = at.sdpa(q, k, v)
    np.testing.assert_allclose(saved.P.sum(-1), 1, atol=1e-12)
    assert (saved.P >= 0).all()
    assert (out <= v.max(0) + 1e-12).all()
    assert (out >= v.min(0) - 1e-12).all()


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_tiles_change_nothing(seed, n, block, causal):
    rng = np.random.default_rng(seed)
    q, k, v = rng.normal(0, 4, (3, 2, n, 3))
    np.testing.assert_allclose(
        at.tiled(q, k, v, block, causal),
        at.sdpa(q, k, v, at.causal_mask(n) if causal else None)[0],
        atol=1e-12,
    )


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_tiles_allow_other_numbers_of_keys_and_widths_of_values(seed, n, m, block):
    rng = np.random.default_rng(seed)
    q = rng.normal(0, 4, (2, n, 3))
    k = rng.normal(0, 4, (2, m, 3))
    v = rng.normal(0, 4, (2, m, 5))
    np.testing.assert_allclose(at.tiled(q, k, v, block), at.sdpa(q, k, v)[0], atol=1e-12)


def test_tiles_keep_single_precision_and_huge_scores():
    q, k, v = RNG.normal(0, 300, (3, 20, 8)).astype(np.float32)
    assert at.tiled(q, k, v, 7).dtype == np.float32
    np.testing.assert_allclose(at.tiled(q, k, v, 7), at.sdpa(q, k, v)[0], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("queries", "keys"), [((2, 3), ()), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (3,))]
)
@pytest.mark.parametrize("causal", [False, True])
def test_tiles_broadcast_leading_axes(queries, keys, causal):
    rng = np.random.default_rng(2)
    q = rng.normal(size=(*queries, 7, 4))
    k = rng.normal(size=(*keys, 7, 4))
    v = rng.normal(size=(*keys, 7, 5))
    expected = at.sdpa(q, k, v, at.causal_mask(7) if causal else None)[0]
    np.testing.assert_allclose(at.tiled(q, k, v, 3, causal), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ((2, 1), (6,)),
        ((2, 1), (2, 1)),
        ((3,), (4, 3)),
        ((2, 3), (5, 1, 1)),
        ((2, 3), (5, 2, 3)),
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_tiles_allow_leading_axes_that_only_values_have(shape, values, causal):
    rng = np.random.default_rng(2)
    q, k = rng.normal(size=(2, *shape, 7, 4))
    v = rng.normal(size=(*values, 7, 5))
    expected = at.sdpa(q, k, v, at.causal_mask(7) if causal else None)[0]
    np.testing.assert_allclose(at.tiled(q, k, v, 3, causal), expected, atol=1e-12)


@pytest.mark.parametrize("only", [0, 1, 2])
def test_tiles_allow_leading_axes_that_only_one_of_the_three_has(only):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(2, 7, 4) if i == only else (7, 4)) for i in range(3)]
    np.testing.assert_allclose(at.tiled(*arrays, 3), at.sdpa(*arrays)[0], atol=1e-12)


class Observed:
    """NumPy, with a list of the arrays that its functions returned."""

    def __init__(self):
        self.returned = []

    def __getattr__(self, name):
        f = getattr(np, name)
        if isinstance(f, type) or not callable(f):
            return f

        def observed(*args, **options):
            result = f(*args, **options)
            if isinstance(result, np.ndarray):
                self.returned.append((name, result.copy()))
            return result

        return observed


@pytest.mark.parametrize(("causal", "tiles"), [(False, 4 * 4), (True, 4 + 3 + 2 + 1)])
def test_each_tile_is_computed_once_and_none_of_the_future(monkeypatch, causal, tiles):
    numpy = Observed()
    monkeypatch.setattr(at, "np", numpy)
    q, k, v = RNG.normal(size=(3, 12, 2))
    at.tiled(q, k, v, 3, causal)
    exponentials = [array for name, array in numpy.returned if name == "exp"]
    assert sum(array.shape == (3, 3) for array in exponentials) == tiles
    assert sum(array.size for array in exponentials) == tiles * (3 * 3 + 3)  # a shrinking per row


def test_tiles_of_single_precision_hold_no_double(monkeypatch):
    numpy = Observed()
    monkeypatch.setattr(at, "np", numpy)
    q, k, v = RNG.normal(size=(3, 12, 2)).astype(np.float32)
    at.tiled(q, k, v, 5)
    held = {array.dtype for _, array in numpy.returned}
    assert held == {np.dtype(np.float32), np.dtype(bool)}  # and what is asked of the inputs


def test_multi_head_attention_of_single_precision_is_computed_in_double():
    W = projections(8, 5)
    W = at.Projections(*(w.astype(np.float32) for w in W[:4]))
    wide = at.Projections(*(w.astype(float) for w in W[:4]))
    x, memory = RNG.normal(size=(2, 1, 5, 8)).astype(np.float32)
    np.testing.assert_allclose(
        at.mha(x, W, 2, memory=memory)[0],
        at.mha(x.astype(float), wide, 2, memory=memory.astype(float))[0],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        at.Cache(W, 2).step(x[0, 0]), at.Cache(wide, 2).step(x[0, 0]), rtol=1e-12
    )


def test_one_head_takes_the_whole_width():
    x = RNG.normal(size=(2, 5, 4))
    np.testing.assert_array_equal(at.split_heads(x, 1), x[:, None])


def test_projections_without_biases_have_no_gradient_of_biases():
    y, cache = at.mha(np.ones((1, 3, 4)), projections(4), 2)
    assert at.mha_backward(np.ones_like(y), cache)[2].b is None


@pytest.mark.parametrize("biases", [False, True])
def test_multi_head_attention_and_its_backward_pass_equal_torch(biases):
    C = 12
    H = 3
    W = projections(C, 1, biases)
    x = RNG.normal(size=(2, 5, C))
    layer = nn.MultiheadAttention(C, H, bias=biases, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.in_proj_weight.copy_(t(np.concatenate([W.q.T, W.k.T, W.v.T])))
        layer.out_proj.weight.copy_(t(W.o.T))
        if biases:
            layer.in_proj_bias.copy_(t(W.b[:3].ravel()))
            layer.out_proj.bias.copy_(t(W.b[3]))
    leaf = t(x).requires_grad_()
    # there True means: may not look
    theirs, _ = layer(leaf, leaf, leaf, attn_mask=torch.tensor(~at.causal_mask(5)))
    ours, cache = at.mha(x, W, H, at.causal_mask(5))
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-11)
    upstream = RNG.normal(size=ours.shape)
    theirs.backward(t(upstream))
    dx, dm, dW = at.mha_backward(upstream, cache)
    np.testing.assert_allclose(dx + dm, leaf.grad.numpy(), atol=1e-10)
    np.testing.assert_allclose(
        np.concatenate([dW.q.T, dW.k.T, dW.v.T]), layer.in_proj_weight.grad.numpy(), atol=1e-10
    )
    np.testing.assert_allclose(dW.o.T, layer.out_proj.weight.grad.numpy(), atol=1e-10)
    if biases:
        np.testing.assert_allclose(dW.b[:3].ravel(), layer.in_proj_bias.grad.numpy(), atol=1e-10)


def test_cross_attention_and_its_backward_pass_equal_differences():
    W = projections(4, 2)
    x = RNG.normal(size=(1, 2, 4))
    memory = RNG.normal(size=(1, 3, 4))
    y, cache = at.mha(x, W, 2, memory=memory)
    upstream = RNG.normal(size=y.shape)
    dx, dm, _ = at.mha_backward(upstream, cache)
    np.testing.assert_allclose(
        dx,
        numeric_grad(lambda v: (at.mha(v, W, 2, memory=memory)[0] * upstream).sum(), x),
        atol=1e-7,
    )
    np.testing.assert_allclose(
        dm,
        numeric_grad(lambda v: (at.mha(x, W, 2, memory=v)[0] * upstream).sum(), memory),
        atol=1e-7,
    )


def test_the_last_query_of_a_causal_mask_attends_to_the_last_key():
    np.testing.assert_array_equal(at.causal_mask(2, 4), [[1, 1, 1, 0], [1, 1, 1, 1]])


@given(SEEDS, st.integers(0, 5))
def test_a_causal_mask_leaks_nothing(seed, place):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 6, 4))
    W = projections(4, seed)
    changed = x.copy()
    changed[:, place:] += rng.normal(size=changed[:, place:].shape)
    np.testing.assert_array_equal(
        at.mha(x, W, 2, at.causal_mask(6))[0][:, :place],
        at.mha(changed, W, 2, at.causal_mask(6))[0][:, :place],
    )


@pytest.mark.parametrize("H", [2, 4])
def test_a_padding_mask_belongs_to_sequences_and_not_to_heads(H):
    W = projections(8, 4)
    x = RNG.normal(size=(2, 6, 8))
    changed = x.copy()
    changed[1, 4:] += 1
    padding = np.ones((2, 6, 6), bool)
    padding[1, :, 4:] = False
    np.testing.assert_array_equal(
        at.mha(x, W, H, padding)[0][1, :4], at.mha(changed, W, H, padding)[0][1, :4]
    )


@given(SEEDS)
def test_without_positions_attention_is_equivariant_to_permutations(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 7, 6))
    W = projections(6, seed)
    order = rng.permutation(7)
    np.testing.assert_allclose(
        at.mha(x[:, order], W, 3)[0], at.mha(x, W, 3)[0][:, order], atol=1e-12
    )


def test_the_cache_equals_recomputation():
    W = projections(8, 3)
    x = RNG.normal(size=(6, 8))
    cache = at.Cache(W, 2)
    whole = at.mha(x[None], W, 2, at.causal_mask(6))[0][0]
    np.testing.assert_allclose([cache.step(row) for row in x], whole, atol=1e-12)


def test_the_softmax_jacobian_equals_differences():
    z = RNG.normal(size=5)
    rows = [numeric_grad(lambda v, i=i: at.softmax(v)[i], z) for i in range(5)]
    np.testing.assert_allclose(at.softmax_jacobian(z), rows, atol=1e-8)


def test_rope_rotates_neighboring_entries_by_position_times_frequency():
    x = RNG.normal(size=(3, 6))
    places = [0, 2, 7]
    angle = np.outer(places, 10_000.0 ** (-np.arange(3) / 3))
    rotated = (x[:, ::2] + 1j * x[:, 1::2]) * np.exp(1j * angle)
    np.testing.assert_allclose(pos.rope(x, places)[:, ::2], rotated.real, atol=1e-12)
    np.testing.assert_allclose(pos.rope(x, places)[:, 1::2], rotated.imag, atol=1e-12)


def test_rope_rotates_every_sequence_of_a_stack():
    x = RNG.normal(size=(2, 4, 3, 6))
    places = [0, 2, 7]
    for rows, rotated in zip(x.reshape(8, 3, 6), pos.rope(x, places).reshape(8, 3, 6), strict=True):
        np.testing.assert_array_equal(pos.rope(rows, places), rotated)


def test_the_base_is_that_of_the_frequencies():
    np.testing.assert_allclose(pos.frequencies(4, 1.44), [1, 1 / 1.2])
    tenth = 0.3  # position 3, frequency 100 ** -0.5
    np.testing.assert_allclose(
        pos.sinusoidal(4, 4, 100.0)[3], [np.sin(3), np.cos(3), np.sin(tenth), np.cos(tenth)]
    )
    np.testing.assert_allclose(
        pos.rope([[1.0, 0.0, 1.0, 0.0]], [3], 100.0)[0],
        [np.cos(3), np.sin(3), np.cos(tenth), np.sin(tenth)],
    )


def test_one_position_has_the_angle_and_the_distance_zero():
    assert pos.sinusoidal(1, 4).tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert np.array_equal(pos.alibi(3, 1), np.zeros((3, 1, 1)))


@given(SEEDS, st.integers(0, 5000), st.integers(0, 40))
def test_rope_scores_depend_on_the_offset_and_lengths_stay(seed, m, lag):
    rng = np.random.default_rng(seed)
    q, k = rng.normal(size=(2, 1, 16))

    def score(a, b):
        return (pos.rope(q, [a]) @ pos.rope(k, [b]).T).item()

    assert abs(score(m, m + lag) - score(0, lag)) < 1e-8
    assert abs(np.linalg.norm(pos.rope(q, [m])) - np.linalg.norm(q)) < 1e-10


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_shift_of_the_sinusoids_is_a_rotation(p, k):
    table = pos.sinusoidal(601, 8)
    w = pos.frequencies(8)
    s = table[p, ::2]
    c = table[p, 1::2]
    np.testing.assert_allclose(table[p + k, ::2], s * np.cos(k * w) + c * np.sin(k * w), atol=1e-9)
    np.testing.assert_allclose(table[p + k, 1::2], c * np.cos(k * w) - s * np.sin(k * w), atol=1e-9)


def authors_slopes(H):
    """The rule of the authors' code, by recursion and with the base of the sequence by name."""
    power = int(np.log2(H))
    if 2**power == H:
        start = 2 ** (-(2.0 ** -(np.log2(H) - 3)))
        return [start ** (h + 1) for h in range(H)]
    return authors_slopes(2**power) + authors_slopes(2 ** (power + 1))[::2][: H - 2**power]


@pytest.mark.parametrize("H", [1, 2, 3, 5, 6, 7, 8, 12, 16, 20, 112])
def test_alibi_slopes_follow_the_authors_for_any_number_of_heads(H):
    np.testing.assert_allclose(pos.alibi_slopes(H), authors_slopes(H), rtol=1e-12)


def test_alibi_slopes_of_twelve_heads_by_hand():
    exponents = [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]
    np.testing.assert_allclose(pos.alibi_slopes(12), 0.5 ** np.array(exponents), rtol=1e-12)


def test_alibi_has_the_slopes_of_the_paper_and_grows_with_distance():
    np.testing.assert_allclose(pos.alibi_slopes(8), 0.5 ** np.arange(1, 9))
    np.testing.assert_allclose(pos.alibi_slopes(4), 0.25 ** np.arange(1, 5))
    bias = pos.alibi(8, 5)
    assert bias.shape == (8, 5, 5)
    assert (np.diff(bias[:, 4]) > 0).all()
    assert (bias[:, 0] == 0).all()


@settings(max_examples=10)
@given(SEEDS, st.booleans())
def test_the_block_and_its_backward_pass_equal_torch(seed, masked):
    rng = np.random.default_rng(seed)
    block = tf.Block(8, 2, 20, seed)
    x = rng.normal(size=(2, 5, 8))
    for v in block.p.values():
        v += 0.1 * rng.normal(size=v.shape)
    p = block.p
    twin = nn.TransformerEncoderLayer(
        8,
        2,
        20,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
        dtype=torch.float64,
    )
    with torch.no_grad():
        for ours, theirs in (
            (np.concatenate([p["Wq"].T, p["Wk"].T, p["Wv"].T]), twin.self_attn.in_proj_weight),
            (p["b"][:3].ravel(), twin.self_attn.in_proj_bias),
            (p["Wo"].T, twin.self_attn.out_proj.weight),
            (p["b"][3], twin.self_attn.out_proj.bias),
            (p["W1"].T, twin.linear1.weight),
            (p["c1"], twin.linear1.bias),
            (p["W2"].T, twin.linear2.weight),
            (p["c2"], twin.linear2.bias),
            (p["g1"], twin.norm1.weight),
            (p["b1"], twin.norm1.bias),
            (p["g2"], twin.norm2.weight),
            (p["b2"], twin.norm2.bias),
        ):
            theirs.copy_(t(ours))
    mask = at.causal_mask(5) if masked else None
    leaf = t(x).requires_grad_()
    out = twin(leaf, src_mask=None if mask is None else torch.tensor(~mask))
    np.testing.assert_allclose(block.forward(x, mask), out.detach().numpy(), atol=1e-10)
    upstream = rng.normal(size=x.shape)
    out.backward(t(upstream))
    dx, g = block.backward(upstream)
    np.testing.assert_allclose(dx, leaf.grad.numpy(), atol=1e-9)
    np.testing.assert_allclose(g["W1"].T, twin.linear1.weight.grad.numpy(), atol=1e-9)
    np.testing.assert_allclose(
        np.concatenate([g["Wq"].T, g["Wk"].T, g["Wv"].T]),
        twin.self_attn.in_proj_weight.grad.numpy(),
        atol=1e-9,
    )
    np.testing.assert_allclose(g["b"][3], twin.self_attn.out_proj.bias.grad.numpy(), atol=1e-9)
    theirs = {
        "g1": twin.norm1.weight,
        "b1": twin.norm1.bias,
        "g2": twin.norm2.weight,
        "b2": twin.norm2.bias,
        "c1": twin.linear1.bias,
        "W2": twin.linear2.weight,
        "c2": twin.linear2.bias,
        "Wo": twin.self_attn.out_proj.weight,
    }
    for name, parameter in theirs.items():
        np.testing.assert_allclose(
            g[name].T, parameter.grad.numpy(), atol=1e-9, err_msg=f"gradient of {name}"
        )
    np.testing.assert_allclose(
        g["b"][:3].ravel(), twin.self_attn.in_proj_bias.grad.numpy(), atol=1e-9
    )


def test_parameters_are_those_of_torch():
    twin = nn.TransformerEncoderLayer(24, 3, 96)
    assert (
        tf.parameters(24)
        == sum(v.numel() for v in twin.parameters())
        == sum(v.size for v in tf.Block(24, 3).p.values())
    )
    assert 12 * tf.parameters(768) == 85_054_464


@pytest.mark.parametrize(("C", "H", "ff"), [(1, 1, 1), (4, 2, 3), (6, 3, 1), (2, 1, None)])
def test_a_block_has_as_many_numbers_as_are_counted(C, H, ff):
    assert sum(v.size for v in tf.Block(C, H, ff).p.values()) == tf.parameters(C, ff)


def test_operations_of_the_smallest_block_by_hand():
    # six matrices of multiply-adds of width 1, four times wider inside; a score and a mixture
    assert tf.flops_per_token(1, 1) == (2 * (4 + 4 + 4), 2 * (1 + 1))


def test_a_new_block_has_weights_of_variance_one_over_fan_in_and_plain_norms():
    p = tf.Block(96, 4, 200, seed=3).p
    for name in ("Wq", "Wk", "Wv", "Wo", "W1", "W2"):
        weights = p[name] * np.sqrt(len(p[name]))
        assert abs(weights.mean()) < 5 / np.sqrt(weights.size)
        assert abs(weights.var() - 1) < 5 * np.sqrt(2 / weights.size)
    for name in ("g1", "g2"):
        assert np.array_equal(p[name], np.ones(96))
    for name in ("b1", "b2", "b", "c1", "c2"):
        assert not p[name].any()
    flat = [p[name].ravel()[:9000] for name in ("Wq", "Wk", "Wv", "Wo", "W1", "W2")]
    assert np.abs(np.corrcoef(flat) - np.eye(6)).max() < 0.06  # drawn one after the other


def test_a_block_is_drawn_from_its_seed_and_from_zero_by_default():
    same, other, default = (
        tf.Block(4, 2, None, 0).p["W2"],
        tf.Block(4, 2, None, 1).p["W2"],
        tf.Block(4, 2).p["W2"],
    )
    assert same.shape == (16, 4)
    assert np.array_equal(same, default)
    assert not np.array_equal(other, default)


@pytest.mark.parametrize("given_as", [np.float16, np.float32, np.longdouble, object])
def test_a_block_is_computed_in_double_precision_whatever_its_inputs_are(given_as):
    block = tf.Block(8, 2)
    x = RNG.normal(size=(2, 3, 8)).astype(given_as)
    out = block.forward(x)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, block.forward(x.astype(float)))
    np.testing.assert_array_equal(out, block.forward(x.tolist()))


def test_the_backward_pass_belongs_to_the_last_forward_pass():
    block = tf.Block(4, 2)
    x, other = RNG.normal(size=(2, 1, 3, 4))
    dy = RNG.normal(size=(1, 3, 4))
    block.forward(x)
    expected = block.backward(dy)
    block.forward(other)
    assert not np.allclose(block.backward(dy)[0], expected[0])
    block.forward(x)
    np.testing.assert_array_equal(block.backward(dy)[0], expected[0])


@pytest.mark.parametrize(
    ("C", "H", "ff"),
    [(0, 1, 4), (-4, 2, 4), (4, 0, 4), (4, -2, 4), (4, 3, 4), (4, 2, 0), (2, 4, 4)],
)
def test_a_block_needs_positive_widths_and_heads_that_divide(C, H, ff):
    with pytest.raises(ValueError, match="heads that divide the width"):
        tf.Block(C, H, ff)


@pytest.mark.parametrize(("C", "ff"), [(0, None), (0, 4), (4, 0), (-1, -1)])
def test_widths_of_counted_blocks_are_positive(C, ff):
    with pytest.raises(ValueError, match="widths must be positive"):
        tf.parameters(C, ff)


@pytest.mark.parametrize(("C", "n"), [(0, 1), (1, 0), (-1, 5)])
def test_operations_need_a_width_and_a_length(C, n):
    with pytest.raises(ValueError, match="positive width and length"):
        tf.flops_per_token(C, n)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (1, 2, 3, 4), (1, 2, 3)])
def test_a_block_takes_sequences_of_its_width(shape):
    with pytest.raises(ValueError, match=r"must have the shape \(B, T, 4\)"):
        tf.Block(4, 2).forward(np.ones(shape))


def test_operations_are_those_torch_counts():
    x = torch.ones(10, 16)
    with FlopCounterMode(display=False) as counter:
        for _ in "qkvo":
            x @ torch.ones(16, 16)
        x @ torch.ones(16, 64) @ torch.ones(64, 16)
        heads = x.view(10, 4, 4).transpose(0, 1)
        heads @ heads.mT @ heads
    assert 10 * sum(tf.flops_per_token(16, 10)) == counter.get_total_flops()


EYE = at.Projections(*[np.eye(4)] * 4)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: at.sdpa([1.0], [[1.0]], [[1.0]]), "at least the axes"),
        (lambda: at.sdpa([[1.0]], [1.0], [[1.0]]), "at least the axes"),
        (lambda: at.sdpa([[1.0]], [[1.0]], [1.0]), "at least the axes"),
        (lambda: at.sdpa(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4))), "both must be equal"),
        (
            lambda: at.sdpa(np.ones((2, 3)), np.ones((2, 3)), np.ones((1, 3))),
            "one value for each key",
        ),
        (lambda: at.sdpa(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 3))), "at least one"),
        (
            lambda: at.sdpa(
                np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), mask=np.ones((3, 3), bool)
            ),
            "the mask has the shape",
        ),
        (
            lambda: at.sdpa(
                np.ones((2, 3)),
                np.ones((2, 3)),
                np.ones((2, 3)),
                mask=[[True, False], [False, False]],
            ),
            "attend to no key",
        ),
        (
            lambda: at.sdpa_backward(
                np.ones((1, 1)), at.sdpa(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)))[1]
            ),
            "its gradient",
        ),
        (lambda: at.causal_mask(3, 2), "queries <= keys"),
        (lambda: at.split_heads(np.ones((2, 5)), 2), "do not divide"),
        (lambda: at.mha(np.ones((2, 4)), EYE, 2), "axes"),
        (lambda: at.mha(np.ones((1, 2, 5)), EYE, 1), "projection 'q'"),
        (lambda: at.mha(np.ones((1, 2, 4)), EYE._replace(b=np.ones(4)), 1), "biases"),
        (
            lambda: at.mha_backward(np.ones((1, 1, 4)), at.mha(np.ones((1, 2, 4)), EYE, 2)[1]),
            "its gradient",
        ),
        (lambda: at.tiled(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), block=0), "block"),
        (
            lambda: at.tiled(np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 3)), causal=True),
            "as many queries as keys",
        ),
        (lambda: at.Cache(EYE, 3), "do not divide"),
        (lambda: at.Cache(EYE._replace(b=np.zeros((4, 4))), 2), "without biases"),
        (lambda: at.Cache(EYE, 2).step(np.ones(3)), "a token has the shape"),
        (lambda: at.softmax_jacobian(np.ones((2, 2))), "one axis"),
        (lambda: pos.frequencies(3), "even"),
        (lambda: pos.frequencies(4, 1.0), "base"),
        (lambda: pos.sinusoidal(0, 4), "at least one position"),
        (lambda: pos.rope(np.ones((2, 4)), [0, 1, 2]), "one position for each row"),
        (lambda: pos.alibi_slopes(0), "at least one head"),
        (lambda: pos.alibi(2, 0), "at least one position"),
        (lambda: tf.Block(4, 3), "divide the width"),
        (lambda: tf.Block(4, 2).forward(np.ones((2, 4))), "must have the shape"),
        (lambda: tf.parameters(0), "positive"),
        (lambda: tf.flops_per_token(0, 3), "positive"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_backward_needs_a_forward_pass():
    block = tf.Block(4, 2)
    with pytest.raises(RuntimeError, match="forward"):
        block.backward(np.ones((1, 2, 4)))
    block.forward(np.ones((1, 2, 4)))
    with pytest.raises(ValueError, match="its gradient"):
        block.backward(np.ones((1, 3, 4)))
