"""Information from neighbours: closed forms, scikit-learn's estimate, and what it must not depend on."""

import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import mutual_info_regression

from homeoanalysis.numerics.neighbour_information import nearest_neighbour_information


def _pair(correlation: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    return x, correlation * x + np.sqrt(1 - correlation**2) * noise


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_of_gaussian_pairs_it_is_the_closed_form(correlation: float) -> None:
    """-log2(1 - rho^2) / 2, mean of 30 draws within 0.03 bit."""
    found = [nearest_neighbour_information(*_pair(correlation, 500, draw)) for draw in range(30)]
    assert np.mean(found) == pytest.approx(-np.log2(1 - correlation**2) / 2, abs=0.03)


def test_it_is_scikit_learns_where_that_is_positive() -> None:
    x, y = _pair(0.7, 400, 1)
    theirs = mutual_info_regression(x[:, None], y, n_neighbors=3, random_state=0)[0] / np.log(2)
    assert nearest_neighbour_information(x, y) == pytest.approx(theirs, abs=1e-3)


def test_nothing_is_not_cut_off() -> None:
    """The mean of unrelated samples is 0; scikit-learn's, never below 0, finds something."""
    pairs = [_pair(0.0, 200, draw) for draw in range(60)]
    ours = [nearest_neighbour_information(x, y) for x, y in pairs]
    theirs = [mutual_info_regression(x[:, None], y, random_state=0)[0] for x, y in pairs]
    assert abs(np.mean(ours)) < 4 * stats.sem(ours)
    assert np.mean(theirs) > 4 * stats.sem(theirs)


def test_monotone_changes_keep_it_and_noise_takes_from_it() -> None:
    x, y = _pair(0.8, 3000, 2)
    whole = nearest_neighbour_information(x, y)
    assert nearest_neighbour_information(x, np.exp(y)) == pytest.approx(whole, abs=0.05)
    assert nearest_neighbour_information(5 * x - 3, 0.01 * y) == pytest.approx(whole, abs=1e-9)
    noisy = y + np.random.default_rng(3).normal(size=y.size)
    assert nearest_neighbour_information(x, noisy) < whole - 0.2  # data processing


def test_of_a_relation_without_correlation() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=1000)
    assert nearest_neighbour_information(x, x**2 + 0.1 * rng.normal(size=1000)) > 1.0


def test_too_few_or_constant_samples_are_undefined() -> None:
    assert np.isnan(nearest_neighbour_information(np.arange(3.0), np.arange(3.0)))
    assert np.isnan(nearest_neighbour_information(np.arange(9.0), np.ones(9)))
