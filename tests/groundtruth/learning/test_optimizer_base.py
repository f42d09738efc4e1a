"""What every optimizer inherits, by a subclass with the plainest rule; settings and their ends."""

import numpy as np
import pytest
from groundtruth.learning.optimizer_base import Optimizer, buffer, within


class Plain(Optimizer):
    """p - lr g, and what each update was given."""

    def __init__(self, params, lr=1.0):
        super().__init__(params, lr)
        self.updates = []

    def _update(self, p, g, state):
        self.updates.append((self.t, g, state))
        p -= self.lr * g


def read_only():
    p = np.ones(2)
    p.flags.writeable = False
    return p


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([1.0, 2.0], id="a list"),
        pytest.param(1.0, id="a number"),
        pytest.param(np.arange(3), id="whole numbers"),
        pytest.param(np.ones(2, dtype=complex), id="complex numbers"),
        pytest.param(np.ones(2, dtype=object), id="objects"),
        pytest.param(read_only(), id="read only"),
        pytest.param(np.ones((3, 2)).T, id="transposed"),
        pytest.param(np.ones(6)[::2], id="every other number"),
        pytest.param(np.ones(2, dtype=np.float16), id="half precision"),
    ],
)
def test_what_cannot_be_updated_in_place_is_refused_at_its_place(bad):
    with pytest.raises(TypeError, match="^parameter 0 "):
        Plain([bad])
    with pytest.raises(TypeError, match="^parameter 1 "):
        Plain([np.ones(2), bad])


def test_there_must_be_parameters():
    with pytest.raises(ValueError, match="no parameters"):
        Plain([])


@pytest.mark.parametrize("lr", [0.0, -0.1, np.inf, np.nan])
def test_a_rate_must_be_positive_and_finite(lr):
    with pytest.raises(ValueError, match="^lr must lie above 0 and below inf"):
        Plain([np.ones(2)], lr)


@pytest.mark.parametrize("lr", [5e-324, 1e-3, 0.5, 1.0, 1e300])
def test_any_positive_rate_is_allowed(lr):
    assert Plain([np.ones(2)], lr).lr == lr


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_a_step_changes_the_arrays_themselves_by_gradients_of_their_type(dtype):
    p = np.array([[1.0, 2.0]], dtype=dtype)
    q = np.array(3.0, dtype=dtype)
    optimizer = Plain([p, q], 0.5)
    optimizer.step([[[2, 4]], 8.0])
    assert p.tolist() == [[0.0, 0.0]]
    assert q.tolist() == -1.0
    assert [g.dtype for _, g, _ in optimizer.updates] == [dtype, dtype]
    assert optimizer.params[0] is p
    assert optimizer.params[1] is q


def test_the_rate_may_change_between_steps():
    p = np.zeros(1)
    optimizer = Plain([p], 1.0)
    for rate in (1.0, 0.5, 0.25):
        optimizer.lr = rate
        optimizer.step([np.ones(1)])
    assert p.tolist() == [-1.75]


def test_steps_are_counted_from_one_and_each_parameter_has_a_state_of_its_own():
    optimizer = Plain([np.ones(1), np.ones(1)])
    assert optimizer.t == 0
    assert optimizer.state == [{}, {}]
    for _ in range(3):
        optimizer.step([np.ones(1), np.ones(1)])
    assert [t for t, _, _ in optimizer.updates] == [1, 1, 2, 2, 3, 3]
    assert optimizer.t == 3
    states = [state for _, _, state in optimizer.updates]
    assert all(state is optimizer.state[i % 2] for i, state in enumerate(states))
    assert optimizer.state[0] is not optimizer.state[1]


def test_a_list_that_grows_later_adds_no_parameter():
    params = [np.ones(1)]
    optimizer = Plain(params)
    params.append(np.ones(1))
    optimizer.step([np.ones(1)])
    assert len(optimizer.params) == 1


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ([np.ones(2)], "^2 parameters need as many gradients, got 1"),
        ([np.ones(2)] * 3, "^2 parameters need as many gradients, got 3"),
        ([np.ones(2), np.ones((2, 1))], r"^gradient 1 has the shape \(2, 1\)"),
        ([1.0, np.ones(2)], r"^gradient 0 has the shape \(\)"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_gradients_that_do_not_fit_change_nothing(grads, message, check):
    p, q = np.ones((2, 2))
    optimizer = Plain([p, q])
    with pytest.raises(ValueError, match=message):
        optimizer.step(grads, check)
    assert p.tolist() == [1.0, 1.0]
    assert optimizer.t == 0
    assert optimizer.updates == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_gradient_that_is_not_finite_is_named_and_changes_nothing(bad, place):
    params = [np.ones((2, 2)), np.ones((2, 2))]
    optimizer = Plain(params, 0.5)
    optimizer.step([np.ones((2, 2))] * 2)
    grads = [np.ones((2, 2)), np.ones((2, 2))]
    grads[place][1, 0] = bad
    with pytest.raises(FloatingPointError, match=f"^gradient {place} is not finite at step 2"):
        optimizer.step(grads)
    assert np.array_equal(params, np.full((2, 2, 2), 0.5))
    assert optimizer.t == 1


def test_without_the_check_a_gradient_that_is_not_finite_is_used():
    p = np.ones(2)
    optimizer = Plain([p])
    optimizer.step([np.array([np.nan, 1.0])], check=False)
    assert np.isnan(p[0])
    assert p[1] == 0
    assert optimizer.t == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_finite_gradient_whose_square_is_not_finite_is_used_without_a_warning(dtype):
    p = np.ones(2, dtype=dtype)
    large = np.sqrt(np.finfo(dtype).max) * 16
    with np.errstate(all="raise"):
        Plain([p], 1 / float(large)).step([np.array([large, -large], dtype=dtype)])
    assert p.tolist() == [0.0, 2.0]


def test_a_signaling_nan_is_named_as_any_other():
    # its square alone raises the flag of an invalid operation
    signaling = np.array([0x7FF0_0000_0000_0001], np.uint64).view(float)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="^gradient 0 is not"):
        Plain([np.ones(1)]).step([signaling])


def test_an_optimizer_without_a_rule_is_refused():
    with pytest.raises(NotImplementedError, match="subclass"):
        Optimizer([np.ones(1)], 0.1).step([np.ones(1)])


@pytest.mark.parametrize("value", [np.nextafter(-1, -2), -np.inf, 2.0, 3.0, np.inf, np.nan])
@pytest.mark.parametrize("closed", [False, True])
def test_a_setting_at_its_upper_end_or_outside_is_refused(value, closed):
    low = "at or above" if closed else "above"
    with pytest.raises(ValueError, match=f"^rate must lie {low} -1 and below 2, got {value}$"):
        within("rate", value, -1, 2, closed)


@pytest.mark.parametrize("value", [np.nextafter(-1, 0), 0.0, 1.0, np.nextafter(2, 0)])
@pytest.mark.parametrize("closed", [False, True])
def test_a_setting_between_its_ends_is_allowed(value, closed):
    within("rate", value, -1, 2, closed)


def test_the_lower_end_is_allowed_only_where_the_interval_is_closed():
    within("rate", -1, -1, 2, closed=True)
    with pytest.raises(ValueError, match="^rate must lie above -1"):
        within("rate", -1, -1, 2, closed=False)
    with pytest.raises(ValueError, match="^rate must lie above -1"):
        within("rate", -1, -1, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_buffer_begins_with_zeros_like_its_parameter_and_stays(dtype):
    state = {}
    like = np.ones((2, 3), dtype)
    first = buffer(state, "m", like)
    assert first.dtype == dtype
    assert np.array_equal(first, np.zeros((2, 3)))
    first += 1
    assert buffer(state, "m", like) is first
    assert state["m"] is first
    other = buffer(state, "v", like)
    assert not other.any()
    assert list(state) == ["m", "v"]
