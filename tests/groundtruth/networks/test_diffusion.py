"""Schedules and steps by hand, samplers on data of known noise, predictions by integration."""

from fractions import Fraction

import numpy as np
import pytest
from groundtruth.networks import diffusion as di

POINT = np.array([0.5, -2.0])


def predict_for_a_point(abar):
    """The exact noise of x when all the data lie at POINT."""

    def predict(x, t):
        return (x - np.sqrt(abar[t]) * POINT) / np.sqrt(1 - abar[t])

    return predict


def zero(x, t):
    return np.zeros_like(x)


class Silent:
    """A generator whose noise is zero everywhere."""

    def normal(self, size):
        return np.zeros(size)


def test_a_schedule_is_even_and_multiplies_what_is_left():
    beta, abar = di.schedule(3, 0.1, 0.3)
    np.testing.assert_allclose(beta, [0.1, 0.2, 0.3], rtol=1e-14)
    # 0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7
    np.testing.assert_allclose(abar, [0.9, 0.72, 0.504], rtol=1e-14)


def test_a_schedule_runs_from_its_first_default_to_its_second():
    beta, _ = di.schedule(5)
    assert (beta[0], beta[-1]) == (1e-4, 0.1)
    assert di.schedule(5, high=0.2)[0][-1] == 0.2
    assert di.schedule(5, low=0.01)[0][0] == 0.01


def test_the_smallest_schedules_are_one_step_and_a_constant():
    beta, abar = di.schedule(1, 0.2, 0.4)
    assert beta.tolist() == [0.2]
    assert abar.tolist() == [0.8]
    assert di.schedule(3, 0.25, 0.25)[0].tolist() == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("T", "low", "high"), [(0, 0.1, 0.2), (2, 0.0, 0.1), (2, 0.3, 0.2), (2, 0.1, 1.0)]
)
def test_an_impossible_schedule_is_refused(T, low, high):
    with pytest.raises(ValueError, match=f"got {T}, {low} and {high}"):
        di.schedule(T, low, high)


def test_noise_is_added_in_proportion():
    abar = np.array([0.64, 0.36])
    x = [[5, 10]]
    eps = [[1, -2]]
    # sqrt(0.64) = 0.8 and sqrt(1 - 0.64) = 0.6, then the other way round
    np.testing.assert_allclose(di.q_sample(x, 0, eps, abar), [[4.6, 6.8]], rtol=1e-14)
    np.testing.assert_allclose(di.q_sample(x, 1, eps, abar), [[3.8, 4.4]], rtol=1e-14)


def test_noise_in_single_precision_is_added_in_double():
    x = np.array([[1.1, 2.3]], dtype=np.float32)
    eps = np.array([[0.7, -0.9]], dtype=np.float32)
    abar = np.array([0.7])
    got = di.q_sample(x, 0, eps, abar)
    assert got.dtype == np.float64
    assert np.array_equal(got, di.q_sample(x.astype(float), 0, eps.astype(float), abar))


def test_fractions_are_noised_as_doubles():
    half = [[Fraction(1, 2)]]
    for x, eps in ((half, [[1.0]]), ([[1.0]], half)):
        assert di.q_sample(x, 0, eps, np.array([0.64])).dtype == np.float64


@pytest.mark.parametrize(
    ("shape", "t"), [((2, 2), 3), ((2, 2), -1), ((1, 2), 0), ((2, 1), 0), ((2,), 0)]
)
def test_noise_of_another_shape_or_a_step_outside_the_schedule_is_refused(shape, t):
    with pytest.raises(ValueError, match=r"share a shape and 0 <= t < 3, got \(2, 2\)"):
        di.q_sample(np.ones((2, 2)), t, np.ones(shape), np.full(3, 0.5))


def test_two_steps_of_ancestral_sampling_by_hand():
    beta = np.array([0.19, 0.36])
    x = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]])
    fresh = np.random.default_rng(5).normal(size=(3, 2))
    got = di.ddpm_sample(zero, x, beta, np.random.default_rng(5))
    # without predicted noise: divide by sqrt(1 - 0.36), add sqrt(0.36) fresh noise, and divide by
    # sqrt(1 - 0.19)
    np.testing.assert_allclose(got, (x / 0.8 + 0.6 * fresh) / 0.9, rtol=1e-12)


def test_ancestral_steps_follow_the_mean_of_the_posterior():
    beta, abar = di.schedule(6, 0.05, 0.4)
    seen = []

    def predict(x, t):
        seen.append((t, x.copy()))
        return np.sin(x + t)

    start = np.array([[1.0, -2.0], [0.5, 3.0]])
    x = start
    end = di.ddpm_sample(predict, start, beta, Silent())
    assert [t for t, _ in seen] == [5, 4, 3, 2, 1, 0]
    for t in range(5, -1, -1):
        before = abar[t - 1] if t else 1.0
        np.testing.assert_allclose(seen[5 - t][1], x, rtol=1e-10)
        x0 = (x - np.sqrt(1 - abar[t]) * np.sin(x + t)) / np.sqrt(abar[t])
        # the mean of q(x_(t-1) | x_t, x0), equation 7 of Ho et al. (2020)
        x = (np.sqrt(before) * beta[t] * x0 + np.sqrt(1 - beta[t]) * (1 - before) * x) / (
            1 - abar[t]
        )
    np.testing.assert_allclose(end, x, rtol=1e-10)


def test_ancestral_sampling_ends_without_noise():
    beta, abar = di.schedule(8)
    x = np.random.default_rng(0).normal(size=(5, 2))
    got = di.ddpm_sample(predict_for_a_point(abar), x, beta, np.random.default_rng(1))
    np.testing.assert_allclose(got, np.tile(POINT, (5, 1)), atol=1e-10)


@pytest.mark.parametrize(
    ("steps", "times"), [(1, [10]), (2, [10, 5]), (5, [10, 8, 6, 3, 1]), (11, range(10, -1, -1))]
)
def test_steps_without_noise_keep_the_noise_of_a_point(steps, times):
    _, abar = di.schedule(11, 0.05, 0.3)
    exact = predict_for_a_point(abar)
    seen = []

    def predict(x, t):
        seen.append((t, x))
        return exact(x, t)

    eps = np.random.default_rng(0).normal(size=(4, 2))
    data = np.tile(POINT, (4, 1))
    end = di.ddim_sample(predict, di.q_sample(data, 10, eps, abar), abar, steps)
    assert [t for t, _ in seen] == list(times)
    assert all(type(t) is int for t, _ in seen)
    for t, x in seen:
        np.testing.assert_allclose(x, di.q_sample(data, t, eps, abar), atol=1e-10)
    np.testing.assert_allclose(end, data, atol=1e-10)


@pytest.mark.parametrize(("T", "steps"), [(1000, 50), (1000, 7), (50, 50), (50, 30), (11, 4)])
def test_levels_without_noise_are_those_of_diffusers(T, steps):
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.DDIMScheduler(num_train_timesteps=T, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    seen = []

    def predict(x, t):
        seen.append(t)
        return zero(x, t)

    di.ddim_sample(predict, np.ones((1, 2)), np.linspace(0.9, 0.1, T), steps)
    assert seen == theirs.timesteps.tolist()


def test_one_step_without_noise_by_hand():
    got = di.ddim_sample(lambda x, t: np.ones_like(x), np.array([[3.0]]), np.array([0.64]), 1)
    # (3 - 0.6) / 0.8
    np.testing.assert_allclose(got, [[3.0]], rtol=1e-14)


@pytest.mark.parametrize("steps", [0, 4])
def test_fewer_than_one_step_or_more_than_the_schedule_has_are_refused(steps):
    with pytest.raises(ValueError, match=f"from 1 to 3, got {steps}"):
        di.ddim_sample(zero, np.ones((1, 2)), np.array([0.9, 0.8, 0.7]), steps)


def test_as_many_steps_as_the_schedule_has_are_allowed():
    abar = np.array([0.9, 0.8, 0.7])
    got = di.ddim_sample(predict_for_a_point(abar), np.ones((1, 2)), abar, 3)
    np.testing.assert_allclose(got, POINT[None], atol=1e-12)


@pytest.mark.parametrize("abar", [0.1, 0.6, 0.95])
def test_the_noise_of_a_circle_is_its_posterior_mean(abar):
    x = np.array([[0.3, 0.4], [-1.5, 0.2], [0.01, -0.02], [0.0, 0.0]])
    angle = np.arange(5000) * 2 * np.pi / 5000
    data = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    eps = (x[:, None] - np.sqrt(abar) * data) / np.sqrt(1 - abar)  # (points, angles, 2)
    likelihood = np.exp(-(eps**2).sum(2) / 2)
    want = (likelihood[..., None] * eps).sum(1) / likelihood.sum(1, keepdims=True)
    np.testing.assert_allclose(di.circle_noise(x, abar), want, atol=1e-10)


def test_far_from_the_circle_and_almost_without_noise_nothing_overflows():
    x = np.array([[3.0, 4.0]])
    abar = 1 - 1e-6
    # the data point can only be near the nearest one, (0.6, 0.8)
    want = (x - np.sqrt(abar) * np.array([[0.6, 0.8]])) / np.sqrt(1 - abar)
    np.testing.assert_allclose(di.circle_noise(x, abar), want, rtol=1e-6)


@pytest.mark.parametrize("gap", [1e-9, 1e-11, 1e-15])
def test_next_to_no_noise_the_point_of_the_circle_is_the_nearest(gap):
    x = np.array([[3.0, 4.0], [0.5, 0.0]])
    abar = 1 - gap
    want = (x - np.sqrt(abar) * np.array([[0.6, 0.8], [1.0, 0.0]])) / np.sqrt(1 - abar)
    np.testing.assert_allclose(di.circle_noise(x, abar), want, rtol=1e-6)


def test_noise_of_huge_points_is_finite():
    with np.errstate(over="raise"):
        got = di.circle_noise(np.array([[3e299, 4e299]]), 1 - 2.0**-40)
    np.testing.assert_allclose(got, [[3e299 * 2.0**20, 4e299 * 2.0**20]], rtol=1e-12)


def test_pure_noise_is_itself():
    x = np.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(di.circle_noise(x, 0.0), x)


@pytest.mark.parametrize("abar", [-0.1, 1.0, np.nan])
def test_a_fraction_outside_its_range_is_refused(abar):
    with pytest.raises(ValueError, match=f"need 0 <= abar < 1, got {abar}"):
        di.circle_noise(np.ones((1, 2)), abar)


@pytest.mark.parametrize("x", [np.ones(2), np.ones((2, 3)), np.array([[1.0, np.nan]])])
def test_points_that_are_not_finite_pairs_are_refused(x):
    with pytest.raises(ValueError, match=r"need finite points of shape \(n, 2\), got"):
        di.circle_noise(x, 0.5)


@pytest.mark.parametrize("abar", [0.2, 0.8])
def test_the_noise_of_hills_is_its_posterior_mean(abar):
    centers = np.array([[-1.0], [0.5], [2.0]])
    shares = np.array([0.2, 0.5, 0.3])
    sd = 0.4
    x = np.array([[-0.7], [0.1], [1.0], [3.0]])
    data = np.linspace(-5, 6, 6001)
    prior = (shares * np.exp(-((data[:, None] - centers[:, 0]) ** 2) / (2 * sd**2))).sum(1)
    eps = (x - np.sqrt(abar) * data) / np.sqrt(1 - abar)  # (points, data)
    weight = prior * np.exp(-(eps**2) / 2)
    want = (weight * eps).sum(1) / weight.sum(1)
    np.testing.assert_allclose(di.hills_noise(x, abar, centers, shares, sd)[:, 0], want, atol=1e-9)


def test_one_round_hill_asks_for_one_linear_prediction():
    x = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 4.0]])
    # data N(0, 1) stay N(0, 1) under noise, so E[eps | x] = sqrt(1 - abar) x
    got = di.hills_noise(x, 0.36, np.zeros((1, 3)), np.array([1.0]), 1.0)
    np.testing.assert_allclose(got, 0.8 * x, rtol=1e-12)
