"""The best discriminator by search, and the smallest game against torch's gradients."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from groundtruth.networks import adversarial as ad


def played(theta, psi, steps, lr, penalty):
    """The game by torch's gradients of the two players' values, both taken before either moves."""
    log_sigmoid = torch.nn.functional.logsigmoid
    path = [(theta, psi)]
    for _ in range(steps):
        t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        w = torch.tensor(psi, dtype=torch.float64, requires_grad=True)
        fake = log_sigmoid(-w * t)  # ln(1 - D(theta))
        real = log_sigmoid(w * 0.0)
        (down,) = torch.autograd.grad(fake, t, retain_graph=True)
        (up,) = torch.autograd.grad(real + fake - penalty / 2 * w**2, w)
        theta = theta - lr * down.item()
        psi = psi + lr * up.item()
        path.append((theta, psi))
    return np.array(path)


def test_the_best_discriminator_is_the_best_of_a_grid():
    p = np.array([1, 3, 0, 2])
    q = np.array([1, 1, 2, 0])
    D = np.linspace(0, 1, 1001)[1:-1, None]
    value = p * np.log(D) + q * np.log(1 - D)
    best = D[value.argmax(0), 0]
    np.testing.assert_allclose(ad.best_discriminator(p, q), best, atol=0.001)


def test_densities_in_single_precision_are_compared_in_double():
    p = np.array([0.1, 0.7], dtype=np.float32)
    q = np.array([0.3, 0.2], dtype=np.float32)
    got = ad.best_discriminator(p, q)
    assert got.dtype == np.float64
    assert np.array_equal(got, p.astype(float) / (p.astype(float) + q.astype(float)))


def test_densities_may_be_fractions():
    third = [Fraction(1, 3)]
    for p, q in ((third, [1.0]), ([1.0], third)):
        assert ad.best_discriminator(p, q).dtype == np.float64


def test_where_one_density_is_zero_the_best_discriminator_is_sure():
    assert ad.best_discriminator([0.0, 2.0], [2.0, 0.0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([1.0], [1.0, 2.0]),
        ([[1.0]], [1.0]),
        ([-0.5, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [1.0, -0.5]),
        ([1.0, 0.0], [1.0, 0.0]),
    ],
)
def test_what_is_no_pair_of_densities_is_refused(p, q):
    with pytest.raises(ValueError, match="densities >= 0 of one shape, not both zero"):
        ad.best_discriminator(p, q)


@pytest.mark.parametrize("penalty", [0.0, 0.4])
def test_a_game_follows_torchs_gradients(penalty):
    np.testing.assert_allclose(
        ad.dirac_gan(0.8, -0.5, 6, lr=0.3, penalty=penalty),
        played(0.8, -0.5, 6, 0.3, penalty),
        rtol=1e-12,
    )


def test_a_game_has_a_small_rate_and_no_penalty_unless_asked():
    got = ad.dirac_gan(1.0, 0.5, 4)
    np.testing.assert_allclose(got, played(1.0, 0.5, 4, 0.1, 0.0), rtol=1e-12)
    assert got.shape == (5, 2)
    assert got[0].tolist() == [1.0, 0.5]


def test_the_game_turns_away_from_its_end_and_a_penalty_leads_there():
    free = np.linalg.norm(ad.dirac_gan(1.0, 0.0, 500), axis=1)
    held = np.linalg.norm(ad.dirac_gan(1.0, 0.0, 500, penalty=1.0), axis=1)
    assert (np.diff(free) > 0).all()
    assert held[-1] < 0.01


def test_a_game_of_one_step_is_a_game():
    assert ad.dirac_gan(1.0, 0.0, 1).shape == (2, 2)


@pytest.mark.parametrize(
    ("steps", "lr", "penalty"), [(0, 0.1, 0.0), (1, 0.0, 0.0), (1, -0.1, 0.0), (1, 0.1, -0.5)]
)
def test_an_impossible_game_is_refused(steps, lr, penalty):
    with pytest.raises(ValueError, match=f"got {steps}, {lr} and {penalty}"):
        ad.dirac_gan(1.0, 0.0, steps, lr, penalty)
