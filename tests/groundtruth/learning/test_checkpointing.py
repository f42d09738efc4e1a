"""Checkpoints against the graph without them, in gradients, work and refusals; what a graph holds,
counted by hand.
"""

import numpy as np
import pytest
from groundtruth.learning import checkpointing as ck
from groundtruth.learning.tape import Tensor, lift, record

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
B = RNG.normal(size=(3, 2))


class Chain:
    """Layers tanh(1.1 x), and how many were computed."""

    def __init__(self):
        self.layers = 0

    def __call__(self, x, depth):
        for _ in range(depth):
            x = (x * 1.1).tanh()
            self.layers += 1
        return x


def test_a_checkpoint_computes_each_layer_once_more():
    chain = Chain()
    x = Tensor(A)
    out = x
    for _ in range(4):
        out = ck.checkpoint(lambda t: chain(t, 3), out)
    assert chain.layers == 12
    out.backward(np.ones_like(A))
    assert chain.layers == 24


def test_a_graph_of_checkpoints_holds_the_output_of_each_block():
    chain = Chain()
    out = Tensor(A)
    for _ in range(4):
        out = ck.checkpoint(lambda t: chain(t, 3), out)
    assert ck.stored(out) == 4 * A.size


def test_a_graph_holds_each_result_once_also_where_rules_share_it():
    assert ck.stored(Chain()(Tensor(A), 5)) == 10 * A.size


def test_what_only_a_rule_holds_is_counted():
    hidden = Tensor(A).exp().tanh()
    saved = 3 * A
    x = Tensor(A)
    assert ck.stored(record(A * 2, (x, lambda g: saved * g))) == 2 * A.size
    assert ck.stored(record(A * 2, (x, lambda g: hidden.data * g))) == 3 * A.size


def test_leaves_are_not_counted_as_stored():
    x = Tensor(A)
    assert ck.stored(record(A * 2, (x, lambda g: x.data * g))) == A.size


def test_a_leaf_whose_array_a_rule_holds_is_not_counted_either():
    x = Tensor(A)
    array = x.data
    assert ck.stored(record(A * 2, (x, lambda g: array * g))) == A.size


def test_arrays_in_lists_in_defaults_and_in_rules_of_rules_are_counted():
    x = Tensor(A)
    first = np.ones(100)
    second = np.ones(20)
    third = np.ones(3)
    parts = [(first, second), third]
    fourth = np.ones((4, 1))

    def inner(g):
        return g * parts[1].sum()

    def back(g, factor=fourth, scale=2.0):
        return inner(g) * factor * scale * fifth

    fifth = np.ones((4, 3))
    assert ck.stored(record(A * 2, (x, back))) == A.size + 100 + 20 + 3 + 4 + 12


def test_what_several_rules_share_does_not_hide_what_comes_after_it():
    x, y = Tensor(A), Tensor(A)
    shared = np.ones(5)
    own = [np.ones(70), np.ones(900)]

    def rule(held):
        return lambda g: g * held.sum() * shared.sum()

    for edges in ([(x, rule(own[0])), (y, rule(own[1]))], [(y, rule(own[1])), (x, rule(own[0]))]):
        assert ck.stored(record(A * 2, *edges)) == A.size + 5 + 70 + 900


def test_sums_whose_rules_hold_nothing_cost_their_results():
    x = Tensor(A)
    assert ck.stored((x + 1) + (x + 2)) == 3 * A.size
    assert ck.stored(x) == 0


def test_a_view_shares_the_memory_of_its_whole():
    x = Tensor(A)
    hidden = x.tanh()
    assert ck.stored(hidden.T.reshape(2, 6)[:, :]) == ck.stored(hidden) + 6 * 2  # reshape copies
    assert ck.stored(hidden.T) == ck.stored(hidden)
    assert ck.stored(x.T) == 0


def test_each_tensor_is_looked_at_once():
    # 2^60 paths lead from the last sum to the leaf
    y = Tensor([1.0])
    for _ in range(60):
        y = y + y
    assert ck.stored(y) == 60


def test_a_rule_may_call_itself():
    x = Tensor(A)

    def back(g, depth=3):
        return back(g, depth - 1) if depth else g

    assert ck.stored(record(A * 2, (x, back))) == A.size


def test_checkpoints_store_less_and_reach_the_parameters_inside():
    W = Tensor(RNG.normal(size=(3, 3)) / 2)

    def block(t):
        for _ in range(4):
            t = (t @ W).tanh()
        return t

    x = Tensor(A)
    plain = block(block(x)).sum()
    plain.backward()
    expected = W.grad.copy(), x.grad.copy()
    W.grad = None
    x.grad = None
    light = ck.checkpoint(block, ck.checkpoint(block, x)).sum()
    assert ck.stored(light) < ck.stored(plain) / 4
    light.backward()
    assert np.allclose(W.grad, expected[0])
    assert np.allclose(x.grad, expected[1])


def test_overwriting_a_parameter_inside_a_checkpoint_is_refused():
    W = Tensor(B)
    loss = ck.checkpoint(lambda t: (t @ W).tanh(), Tensor(A)).sum()
    W.assign(np.zeros_like(B))
    with pytest.raises(RuntimeError, match=r"shape \(3, 2\) was overwritten"):
        loss.backward()
    assert W.grad is None


def test_overwriting_a_parameter_inside_nested_checkpoints_is_refused():
    W = Tensor(np.eye(3))

    def inner(t):
        return (t @ W).tanh()

    loss = ck.checkpoint(lambda t: ck.checkpoint(inner, t), Tensor(A)).sum()
    W.assign(np.zeros((3, 3)))
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


def test_a_checkpoint_inside_a_checkpoint_has_the_same_gradients():
    W = Tensor(np.eye(3) / 2)

    def inner(t):
        return (t @ W).tanh()

    inner(inner(Tensor(A))).sum().backward()
    expected = W.grad
    W.grad = None
    ck.checkpoint(lambda t: ck.checkpoint(inner, inner(t)), Tensor(A)).sum().backward()
    assert np.allclose(W.grad, expected)


def test_a_checkpoint_has_the_value_of_its_function_and_one_edge_to_its_input():
    x = Tensor(A)
    y = ck.checkpoint(lambda t: (t @ B).tanh() * 2, x)
    assert np.array_equal(y.data, np.tanh(A @ B) * 2)
    assert [operand for operand, _, _ in y.edges] == [x]


def test_the_upstream_gradient_passes_through_a_checkpoint():
    x = Tensor(A)
    weights = RNG.normal(size=A.shape)
    ck.checkpoint(lambda t: t * t, x).backward(weights)
    assert np.allclose(x.grad, 2 * A * weights, rtol=1e-12)


def test_an_input_that_is_not_used_has_the_gradient_zero():
    W = Tensor(B)
    x = Tensor(A)
    (ck.checkpoint(lambda t: W * 3.0, x).sum() + x.sum() * 0.0).backward()
    assert np.array_equal(x.grad, np.zeros(A.shape))
    assert np.array_equal(W.grad, np.full(B.shape, 3.0))


def test_a_checkpoint_of_what_is_unused_alone_has_a_gradient_in_the_shape_of_its_input():
    x = Tensor(A)
    ck.checkpoint(lambda t: Tensor(B) * 3.0, x).sum().backward()
    assert x.grad.shape == A.shape
    assert not x.grad.any()


def test_a_parameter_used_inside_and_outside_receives_both_gradients():
    W = Tensor(B)
    x = Tensor(A)
    (ck.checkpoint(lambda t: t @ W, x).sum() + (W * 5.0).sum()).backward()
    assert np.allclose(W.grad, A.sum(0)[:, None] + 5, rtol=1e-12)
    assert np.allclose(x.grad, np.broadcast_to(B.sum(1), A.shape), rtol=1e-12)


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_checkpoint_of_data_passes_the_gradients_of_the_parameters(blocks):
    W, V = Tensor(B), Tensor(B.T)

    def network(x):
        return ((x @ W).tanh() @ V).tanh()

    plain = lift(A)
    for _ in range(blocks):
        plain = network(plain)
    (plain * A).sum().backward()
    expected = W.grad, V.grad
    W.grad = V.grad = None
    out = lift(A)
    for _ in range(blocks):
        out = ck.checkpoint(network, out)
    (out * A).sum().backward()
    for leaf, gradient in zip((W, V), expected, strict=True):
        np.testing.assert_allclose(leaf.grad, gradient, rtol=1e-12)


def test_a_checkpoint_of_constants_alone_is_a_constant():
    assert ck.checkpoint(lambda x: x.tanh(), lift(A)).constant


def test_a_view_holds_the_whole_array():
    h = Tensor(A).exp()
    for order in (1, -1):
        top, bottom = (h[:1], h[1:])[::order]
        assert ck.stored(top.sum() + bottom.sum()) == A.size + 3
