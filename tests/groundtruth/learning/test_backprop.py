"""The engine against torch on random programs, against differences and the complex step; costs,
checkpoints, guards; wrong rules that the gradient check must see.
"""

import numpy as np
import pytest
import torch
from groundtruth.learning import backprop as bp
from groundtruth.learning.backprop import Tensor
from groundtruth.learning.tape import lift, ordered, record
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
B = RNG.normal(size=(3, 2))
V = RNG.normal(size=3)
POSITIVE = np.abs(A) + 0.5
OPERATIONS = {  # outputs of any shape: the check weights them at random
    "add": (lambda a, v: a + v, (A, V)),
    "add, stretched both ways": (lambda a, v: a + v, (A[:, :1], V)),
    "sub": (lambda a, v: v - a, (A, V)),
    "sub from a constant": (lambda a: 1.5 - a, (A,)),
    "mul": (lambda a, v: a * v, (A, V)),
    "mul by itself": (lambda a: a * a, (A,)),
    "div": (lambda a, b: a / b, (A, POSITIVE)),
    "div of a constant": (lambda b: 2.0 / b, (POSITIVE,)),
    "neg": (lambda a: -a, (A,)),
    "matmul": (lambda a, b: a @ b, (A, B)),
    "stacked matmul": (
        lambda a, b: a @ b,
        (RNG.normal(size=(2, 5, 4, 3)), RNG.normal(size=(5, 3, 2))),
    ),
    "constant on the left": (lambda b: A @ b, (B,)),
    "exp": (Tensor.exp, (A,)),
    "log": (Tensor.log, (POSITIVE,)),
    "tanh": (Tensor.tanh, (A,)),
    "relu": (Tensor.relu, (A,)),
    "relu near its kink": (Tensor.relu, (np.array([-0.1, 0.1, -0.01, 0.01]),)),
    "power": (lambda a: a**0.5, (POSITIVE,)),
    "sum": (Tensor.sum, (A,)),
    "sum axes": (lambda a: a.sum((0, 2)), (RNG.normal(size=(2, 3, 4)),)),
    "sum, axis retained": (lambda a: a.sum(1, keepdims=True), (A,)),
    "mean": (Tensor.mean, (A,)),
    "mean, axis retained": (lambda a: a.mean(1, keepdims=True), (A,)),
    "max": (lambda a: a.max(0), (A,)),
    "reshape": (lambda a: a.reshape(2, 6), (A,)),
    "transpose": (lambda a: a.transpose(2, 0, 1), (RNG.normal(size=(2, 3, 4)),)),
    "T": (lambda a: a.T, (A,)),
    "slice": (lambda a: a[1:, ::2], (A,)),
    "index twice": (lambda a: a[[0, 0, 2]], (A,)),
    "concat": (lambda a, b: bp.concat([a, b, a], 0), (A, A[:2])),
    "concat, last axis": (lambda a, b: bp.concat([a, b], 1), (A, A[:, :2])),
    "softmax_ce": (lambda a: bp.softmax_ce(a, [0, 2, 1, 1]), (A,)),
    "checkpoint": (lambda a: bp.checkpoint(lambda t: (t @ B).tanh(), a), (A,)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_agrees_with_differences(name):
    f, args = OPERATIONS[name]
    assert bp.check_gradients(f, *args) < 1e-8


def broken(rule, nodes):
    """The tensors behind a root with the rules of their edges replaced by `rule(old)`."""
    for node in nodes:
        node.edges = [(parent, rule(old), version) for parent, old, version in node.edges]


def ignoring(old):
    """A rule without its upstream gradient."""
    return lambda g: old(np.ones_like(g))


def negated(old):
    return lambda g: -old(g)


def doubled(old):
    return lambda g: 2 * old(g)


@pytest.mark.parametrize("rule", [ignoring, negated, doubled])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_wrong_rule_of_any_operation_is_caught(name, rule):
    """The last operation, and with it the upstream gradient that the check sends, is altered."""
    f, args = OPERATIONS[name]

    def altered(*tensors):
        out = f(*tensors)
        broken(rule, [out])
        return out

    assert bp.check_gradients(altered, *args) > 0.05


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "power", "relu", "softmax_ce"])
def test_a_plain_sum_does_not_see_an_ignored_upstream_gradient(name):
    f, args = OPERATIONS[name]

    def altered(*tensors):
        out = f(*tensors)
        broken(ignoring, [out])
        return out

    assert bp.check_gradients(altered, *args, weights=1.0) < 1e-8


def test_the_error_is_relative_also_for_small_gradients():
    def scaled(t):
        return record(1e-5 * t.data, (t, lambda g: g * 0.0))

    assert bp.check_gradients(scaled, A) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in OPERATIONS
        if name not in ("max", "checkpoint") and not name.startswith("relu")
    ],
)
def test_every_smooth_operation_agrees_with_the_complex_step(name):
    f, args = OPERATIONS[name]
    x = args[0]
    direction = np.random.default_rng(1).normal(size=np.shape(x))
    along = bp.jvp(lambda t: f(t, *args[1:]), x, direction)
    u = np.random.default_rng(2).normal(size=along.shape)
    pulled = bp.vjp(lambda t: f(t, *args[1:]), x, u)
    assert np.allclose(np.vdot(u, along), np.vdot(pulled, direction), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [  # computed in the test and not while it is collected
        (lambda: Tensor(A).max(1), A.max(1)),
        (lambda: Tensor(A).sum(0), A.sum(0)),
        (lambda: Tensor(A).sum(), A.sum()),
        (lambda: Tensor(A).mean(1), A.mean(1)),
        (lambda: Tensor(A).mean(1, keepdims=True), A.mean(1, keepdims=True)),
        (lambda: Tensor(A).mean(), A.mean()),
        (lambda: Tensor(A).relu(), np.maximum(A, 0)),
        (lambda: Tensor(A).exp(), np.exp(A)),
        (lambda: Tensor(POSITIVE).log(), np.log(POSITIVE)),
        (lambda: Tensor(A) ** 0, np.ones_like(A)),
        (lambda: Tensor(A) @ B, A @ B),
        (lambda: 2.0 / Tensor(POSITIVE), 2 / POSITIVE),
        (lambda: 1.5 - Tensor(A), 1.5 - A),
        (lambda: Tensor(A).T, A.T),
        (lambda: bp.concat([Tensor(A), A[:2]]), np.concatenate([A, A[:2]])),
    ],
)
def test_values_equal_those_of_numpy(compute, expected):
    ours = compute()
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours.data, expected, rtol=1e-14)


def test_the_first_of_equal_largest_entries_receives_the_gradient():
    x = Tensor([[1.0, 2.0, 2.0]])
    x.max(1).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 0.0]]


def test_the_loss_of_large_scores_is_finite():
    loss = bp.softmax_ce(Tensor([[1000.0, 0.0], [0.0, 1000.0]]), [0, 1])
    assert float(loss.data) == 0.0


def test_recording_continues_as_before_after_nested_no_grad():
    x = Tensor([1.0])
    with bp.no_grad():
        with bp.no_grad():
            pass
        assert not (x * 2).edges
    assert (x * 2).edges


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 6), min_size=1, max_size=10))
def test_random_programs_equal_torch(seed, plan):
    rng = np.random.default_rng(seed)
    values = [
        rng.normal(size=(4, 3)),
        rng.normal(size=3),
        rng.normal(size=(4, 1)),
        rng.normal(size=(3, 3)) / 2,
    ]

    def run(a, b, c, w, tanh, exp, relu):
        for op in plan:
            if op == 0:
                a = a * b + c
            elif op == 1:
                a = tanh(a) - b
            elif op == 2:
                a = exp(tanh(a) * c)
            elif op == 3:
                a = relu(a) + a * 0.5
            elif op == 4:
                a = a / (b * b + 1)
            elif op == 5:
                a = tanh(a @ w)
            else:
                a = a - a.mean(0, keepdims=True)
        return (a * a).mean()

    ours = [Tensor(v) for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    one = run(*ours, Tensor.tanh, Tensor.exp, Tensor.relu)
    two = run(*theirs, torch.tanh, torch.exp, torch.relu)
    one.backward()
    two.backward()
    assert float(one.data) == pytest.approx(two.item(), rel=1e-10)
    for o, t in zip(ours, theirs, strict=True):
        expected = np.zeros(o.shape) if t.grad is None else t.grad.numpy()
        assert np.allclose(0 if o.grad is None else o.grad, expected, rtol=1e-9, atol=1e-10)


def test_second_derivatives_equal_torch():
    x = RNG.normal(size=6)
    v = RNG.normal(size=6)
    ours = bp.hvp(lambda t: ((t * t).tanh() * t.exp()).sum(), x, v)
    theirs = torch.autograd.functional.hvp(
        lambda t: (torch.tanh(t * t) * torch.exp(t)).sum(), torch.tensor(x), torch.tensor(v)
    )[1]
    assert np.allclose(ours, theirs.numpy(), rtol=1e-10)


def test_second_derivatives_through_an_index_and_a_maximum_equal_torch():
    x = RNG.normal(size=(4, 3))
    v = RNG.normal(size=(4, 3))

    def theirs(t):
        return ((t[[0, 0, 2]] ** 3).sum() + (torch.amax(t, 1) ** 4).sum()) ** 2

    ours = bp.hvp(lambda t: ((t[[0, 0, 2]] ** 3).sum() + (t.max(1) ** 4).sum()) ** 2, x, v)
    expected = torch.autograd.functional.hvp(theirs, torch.tensor(x), torch.tensor(v))[1]
    assert np.allclose(ours, expected.numpy(), rtol=1e-10)


def test_gradients_add_up_over_calls_and_leaves_only():
    x = Tensor([1.0, 2.0])
    y = x * x
    y.sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    assert y.grad is None


def test_a_network_learns_and_its_loss_equals_torch():
    X = RNG.normal(size=(200, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    net = bp.MLP((2, 16, 2), seed=0)
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(net(Tensor(X)).data), torch.tensor(y)
    ).item()
    first = bp.softmax_ce(net(Tensor(X)), y)
    assert float(first.data) == pytest.approx(theirs)
    for _ in range(800):
        bp.softmax_ce(net(Tensor(X)), y).backward()
        net.descend(1.0)
    assert np.mean(net(Tensor(X)).data.argmax(1) == y) > 0.95


@pytest.mark.parametrize(
    ("sizes", "ratio"),
    [((64, 10), 1.0), ((784, 100, 10), 1 + 1000 / 79400), ((8, 8, 8), 1.5)],
)
def test_the_backward_pass_costs_two_products_but_one_in_the_first_layer(sizes, ratio):
    net = bp.MLP(sizes, seed=0)
    X = RNG.normal(size=(10, sizes[0]))
    with bp.counting() as count:
        bp.softmax_ce(net(X), np.zeros(10, int)).backward()
    assert count.backward == pytest.approx(ratio * count.forward)


def test_the_gradient_of_the_inputs_costs_the_other_product():
    net = bp.MLP((16, 32, 32, 8), seed=0)
    with bp.counting() as count:
        bp.softmax_ce(net(Tensor(RNG.normal(size=(10, 16)))), np.zeros(10, int)).backward()
    assert count.forward == 10 * (16 * 32 + 32 * 32 + 32 * 8)
    assert count.backward == 2 * count.forward


def test_constants_receive_no_gradient_and_no_rule():
    x = Tensor([1.0, 2.0])
    y = x * np.array([3.0, 4.0])
    assert [operand for operand, _, _ in y.edges] == [x]


def test_the_power_zero_has_the_gradient_zero_everywhere():
    assert bp.gradients(lambda t: (t**0).sum(), [0.0, 2.0])[0].tolist() == [0.0, 0.0]
    x = Tensor([0.0, 2.0])
    (x**0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]  # zero, and not missing


def test_detached_tensors_share_their_numbers_and_survive_an_assignment():
    x = Tensor([1.0, 2.0])
    y = x.detach()
    assert np.shares_memory(x.data, y.data)
    x.assign([5.0, 5.0])
    assert y.data.tolist() == [1.0, 2.0]


def test_the_error_of_each_argument_counts():
    def wrong_for_a(a, b):
        return record(a.data * b.data, (a, lambda g: g * 0), (b, lambda g: g * a.data))

    def wrong_for_b(a, b):
        return record(a.data * b.data, (a, lambda g: g * b.data), (b, lambda g: g * 0))

    assert bp.check_gradients(wrong_for_a, A, A) == pytest.approx(1.0)
    assert bp.check_gradients(wrong_for_b, A, A) == pytest.approx(1.0)


def test_one_entry_of_nan_is_an_infinite_error():
    def wrong(a):
        return record(a.data * 1.0, (a, lambda g: np.where(a.data == A[0, 0], np.nan, g)))

    assert bp.check_gradients(wrong, A) == np.inf


def test_weights_start_with_variance_one_over_inputs():
    net = bp.MLP((400, 100), seed=0)
    assert np.var(net.layers[0][0].data) == pytest.approx(1 / 400, rel=0.05)


def test_the_activation_of_a_network_can_be_chosen():
    net = bp.MLP((2, 3, 1), seed=0, activation=Tensor.relu)
    (W1, b1), (W2, b2) = net.layers
    X = RNG.normal(size=(4, 2))
    assert np.allclose(net(X).data, np.maximum(X @ W1.data + b1.data, 0) @ W2.data + b2.data)


def test_a_step_before_the_backward_pass_is_refused():
    net = bp.MLP((2, 3, 2), seed=0)
    X = RNG.normal(size=(4, 2))
    bp.softmax_ce(net(X), [0, 1, 0, 1]).backward()
    loss = bp.softmax_ce(net(X), [0, 1, 0, 1])
    net.descend(0.1)
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


def test_relu_has_the_subgradient_zero_at_zero():
    assert bp.gradients(lambda t: t.relu().sum(), [0.0])[0].tolist() == [0.0]


def test_nothing_is_recorded_without_gradients_or_after_detaching():
    x = Tensor([1.0])
    with bp.no_grad():
        y = x * 2
    assert bp.stored(y) == 0
    assert bp.stored(x * 2) == 1
    assert bp.stored((x * 2).detach()) == 0


def test_a_graph_of_a_hundred_thousand_steps_has_no_recursion():
    x = Tensor(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-6
    y.backward()
    assert float(x.grad) == 1.0


def test_overwriting_a_value_that_is_still_needed_is_refused():
    x = Tensor([1.0, 2.0])
    loss = (x * x).sum()
    x.assign([0.0, 0.0])
    with pytest.raises(RuntimeError, match=r"shape \(2,\) was overwritten"):
        loss.backward()


def test_each_overwriting_counts_and_not_the_first_alone():
    x = Tensor([1.0, 2.0])
    x.assign([3.0, 4.0])
    loss = (x * x).sum()
    x.assign([0.0, 0.0])
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


@pytest.mark.parametrize("given_as", [np.int64, np.bool_, np.float32, np.float64])
def test_numbers_of_any_type_become_doubles_in_memory_of_their_own(given_as):
    numbers = np.array([1, 0], dtype=given_as)
    made = Tensor(numbers)
    overwritten = Tensor([7.0, 7.0])
    overwritten.assign(numbers)
    numbers[0] = 0
    for x in (made, overwritten):
        assert x.data.dtype == np.float64
        assert x.data.tolist() == [1.0, 0.0]


def test_complex_numbers_stay_complex():
    x = Tensor([1 + 2j])
    x.assign([3 - 4j])
    assert x.data.tolist() == [3 - 4j]


def test_a_result_of_whole_numbers_is_of_doubles():
    x = Tensor([1.5, 2.5])
    y = record(np.array([1, 2]), (x, np.zeros_like))
    assert y.data.dtype == np.float64
    assert y.data.tolist() == [1.0, 2.0]


def test_what_is_computed_from_constants_alone_is_a_constant():
    c = lift([1.0, 2.0]) * 3.0
    x = Tensor([1.0, 2.0])
    assert [operand for operand, _, _ in (c * x).edges] == [x]


def test_stacked_products_cost_a_multiply_add_per_term():
    with bp.counting() as count:
        (Tensor(np.ones((2, 5, 4, 3))) @ np.ones((5, 3, 7))).sum().backward()
    assert count.forward == count.backward == 2 * 5 * (4 * 3 * 7)


def test_a_product_with_the_jacobian_equals_torch_in_both_modes():
    def ours(t):
        return ((t * t + t) @ B).tanh()

    def theirs(t):
        return torch.tanh((t * t + t) @ torch.tensor(B))

    x = A[:1]
    along = A[1:2]
    u = B[:1]
    column = torch.func.jvp(theirs, (torch.tensor(x),), (torch.tensor(along),))[1]
    row = torch.func.vjp(theirs, torch.tensor(x))[1](torch.tensor(u))[0]
    assert np.allclose(bp.jvp(ours, x, along), column.numpy())
    assert np.allclose(bp.vjp(ours, x, u), row.numpy())


def test_each_tensor_comes_before_those_it_was_computed_from():
    x = Tensor(1.0)
    y = x * x
    z = y + x * y
    nodes = ordered(z)
    positions = {id(node): i for i, node in enumerate(nodes)}
    assert len(positions) == len(nodes)
    for node in nodes:
        for parent, _, _ in node.edges:
            assert positions[id(node)] < positions[id(parent)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Tensor(["a"]), TypeError, "holds numbers"),
        (lambda: Tensor([1.0, 2.0]).backward(), ValueError, r"shape \(2,\); take a sum"),
        (lambda: Tensor([1.0, 2.0]).backward([1.0]), ValueError, r"the shape \(2,\)"),
        (lambda: Tensor([1.0]) @ Tensor([[1.0]]), ValueError, r"reshape a vector"),
        (lambda: Tensor([1.0]).assign([1.0, 2.0]), ValueError, "overwritten by"),
        (lambda: bp.vjp(Tensor.tanh, [1.0, 2.0], [1.0]), ValueError, r"the shape \(2,\)"),
        (lambda: bp.check_gradients(Tensor.tanh, [1.0], h=0.0), ValueError, "positive step"),
        (lambda: bp.jvp(Tensor.log, [-1.0], [1.0]), ValueError, "not finite at x"),
        (lambda: bp.jvp(lambda t: t**0.5, [-4.0], [1.0]), ValueError, "not finite at x"),
        (lambda: bp.hvp(lambda t: t.log().sum(), [-1.0], [1.0]), ValueError, "not finite at x"),
        (lambda: Tensor(np.zeros((0, 2))).mean(), ValueError, "mean of an empty tensor"),
        (lambda: bp.softmax_ce(Tensor(A), [0, 1, 2, 3]), ValueError, "whole labels"),
        (lambda: bp.softmax_ce(Tensor(A), [0, 1, 2, -1]), ValueError, "whole labels"),
        (lambda: bp.softmax_ce(Tensor(A), [0.0, 1.0, 2.0, 1.0]), ValueError, "type float64"),
        (lambda: bp.softmax_ce(Tensor(A), [0, 1, 2]), ValueError, r"\(3,\)"),
        (lambda: bp.softmax_ce(Tensor(A[0]), [0]), ValueError, "of shape"),
        (lambda: bp.softmax_ce(Tensor(A[:0]), np.zeros(0, int)), ValueError, r"shape \(0, 3\)"),
        (lambda: bp.MLP((3,), 0), ValueError, "input and an output"),
        (lambda: bp.MLP((3, 0), 0), ValueError, ">= 1"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_argument_that_is_not_used_has_the_gradient_zero():
    used, unused = bp.gradients(lambda a, b: (a * a).sum(), A, A[:2])
    assert np.allclose(used, 2 * A)
    assert np.array_equal(unused, np.zeros_like(A[:2]))


def test_a_point_without_entries_has_no_error():
    assert bp.check_gradients(lambda a: a * a, np.zeros((0, 2))) == 0.0


@pytest.mark.parametrize("slip", [1e-9, -1e-9])
def test_an_error_below_a_millionth_is_relative_to_a_millionth(slip):
    def constant(a):
        return record(0.0 * a.data, (a, lambda g: slip * g))

    assert bp.check_gradients(constant, A, weights=1.0) == pytest.approx(1e-3)


def test_unsigned_labels_are_labels():
    labels = np.array([0, 2, 1, 1], dtype=np.uint8)
    assert bp.softmax_ce(Tensor(A), labels).data == bp.softmax_ce(Tensor(A), [0, 2, 1, 1]).data


def test_layers_of_one_unit_are_layers():
    assert bp.MLP((1, 1), seed=0)([[2.0]]).shape == (1, 1)


def test_parts_are_joined_along_the_first_axis_by_default():
    assert bp.concat([A, A[:2]]).shape == (6, 3)


def test_each_row_of_scores_has_its_own_largest():
    scores = np.array([[0.0, 0.0], [-2000.0, -2000.0]])
    assert bp.softmax_ce(Tensor(scores), [0, 1]).data == pytest.approx(np.log(2))


def test_the_default_weights_differ_from_entry_to_entry_and_not_from_call_to_call():
    upstream = []

    def observed(a):
        return record(a.data * 1.0, (a, lambda g: upstream.append(g) or g))

    for _ in range(2):
        assert bp.check_gradients(observed, A) < 1e-8
    assert np.unique(upstream[0]).size == A.size
    assert np.array_equal(upstream[0], upstream[1])


def test_swapped_entries_are_an_error_under_the_default_weights():
    def swapped(a):
        return record(a.data * 1.0, (a, lambda g: g[::-1]))

    assert bp.check_gradients(swapped, A, weights=1.0) < 1e-8
    assert bp.check_gradients(swapped, A) > 0.1


@pytest.mark.filterwarnings("error")
def test_a_point_without_a_derivative_is_an_error_and_not_a_warning_too():
    with pytest.raises(ValueError, match="not finite at x"):
        bp.jvp(Tensor.log, [-1.0], [1.0])


def test_a_function_that_does_not_use_its_argument_has_the_product_zero():
    product = bp.vjp(lambda t: Tensor([1.0, 2.0]), A, [1.0, 1.0])
    assert np.array_equal(product, np.zeros_like(A))


def test_a_seed_gives_the_same_weights_around_zero_again():
    first = bp.MLP((100, 100), seed=5).layers[0][0].data
    assert np.array_equal(first, bp.MLP((100, 100), seed=5).layers[0][0].data)
    assert not np.array_equal(first, bp.MLP((100, 100), seed=6).layers[0][0].data)
    assert first.mean() == pytest.approx(0, abs=0.005)  # five standard errors


def test_biases_are_added_in_every_layer():
    net = bp.MLP((2, 3, 1), seed=0)
    (W1, b1), (W2, b2) = net.layers
    b1.assign([0.3, -0.2, 0.9])
    b2.assign([0.7])
    X = RNG.normal(size=(4, 2))
    expected = np.tanh(X @ W1.data + [0.3, -0.2, 0.9]) @ W2.data + 0.7
    assert np.allclose(net(X).data, expected, atol=1e-12)
