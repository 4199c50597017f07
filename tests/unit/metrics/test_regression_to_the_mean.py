"""Units that are selected because they changed come back by themselves: a naive test calls it homeostasis, ours does not."""

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metrics.homeostatic_return import homeostatic_return
from homeoanalysis.metrics.set_point_by_state import set_point_by_state
from homeoanalysis.metrics.unit_survival import unit_survival
from homeoanalysis.numerics import rates, synthetic
from homeoanalysis.provenance import rng_for

EPOCHS = {"baseline": (0.0, 300.0), "perturbation": (300.0, 340.0), "recovery": (380.0, 420.0)}


def with_epochs(activity: xr.Dataset) -> xr.Dataset:
    start, stop = np.array(list(EPOCHS.values())).T
    edges = {"epoch_start": ("epoch", start, {"units": "s"}), "epoch_stop": ("epoch", stop, {"units": "s"})}
    return activity.assign(edges).assign_coords(epoch=list(EPOCHS))


def stationary(rng: np.random.Generator) -> xr.Dataset:
    """Nothing happens; rates fluctuate by 0.5 in the logarithm, over 40 s."""
    return with_epochs(synthetic.fluctuating(40, 8.0, 0.5, 40.0, 420.0, rng))


def naive_p(activity: xr.Dataset) -> float:
    """One-sided t-test of the return of the units whose rate fell by a fifth or more."""
    log = rates.in_epochs(activity, tuple(EPOCHS)).log
    back = (log[:, 2] - log[:, 1])[log[:, 1] - log[:, 0] <= np.log(0.8)]
    return float(stats.ttest_1samp(back, 0, alternative="greater").pvalue)


@pytest.mark.slow
def test_the_naive_test_of_selected_units_is_wrong_and_ours_right(request: pytest.FixtureRequest) -> None:
    """On stationary trains with slow fluctuations. The conformance tests repeat ours with more draws."""
    naive, ours = [], []
    for draw in range(150):
        activity = stationary(rng_for(1, request.node.name, draw))
        naive.append(naive_p(activity) <= 0.05)
        ours.append(float(homeostatic_return(activity, bin_size=5.0).homeostatic_return_p) <= 0.05)
    assert np.mean(naive) > 0.5
    assert not binomial_rule(ours, 0.05)


@pytest.mark.parametrize(("back", "p"), [(0.9, 0.005), (0.45, 1.0)])
def test_a_return_is_found_where_there_is_one(back: float, p: float) -> None:
    """A common fall to 40 % on top of fluctuations of 0.2: with a return to 90 % the least p there is, without none."""
    rng = rng_for(1, "return", str(back))
    spans = {"baseline": (0.0, 300.0), "perturbation": (300.0, 340.0), "gap": (340.0, 380.0), "recovery": (380.0, 420.0)}
    units = 8 * rng.lognormal(0, 0.2, (40, 4)) * np.array([1, 0.4, 0.4, back])
    activity = with_epochs(synthetic.stepped(units, spans, rng).drop_dims("epoch"))
    found = homeostatic_return(activity, bin_size=5.0)
    assert float(found.homeostatic_return_p) <= p
    assert float(found.homeostatic_return) == pytest.approx(np.log(back / 0.4), abs=0.15)


def test_without_state_labels_claims_about_states_are_untestable() -> None:
    with pytest.raises(NotApplicable, match=r"no state labels, so that claims about sleep and wake, .* are untestable"):
        set_point_by_state(stationary(rng_for(1, "states")))


def test_survivors_alone_mislead_and_bounds_hold() -> None:
    """Slow units are lost and had fallen: survivors seem to gain, all together do not; weights and bounds say so."""
    survivors, weighted = [], []
    for draw in range(40):
        known = unit_survival.truth(rng_for(1, "survivors", draw))
        found = unit_survival(known.activity)
        survivors.append(float(found.unit_survival_survivors))
        weighted.append(float(found.unit_survival_weighted))
        assert float(found.unit_survival_least) < 0 < float(found.unit_survival_most)
    assert np.mean(survivors) > 10 * stats.sem(survivors)
    assert abs(np.mean(weighted)) < 4 * stats.sem(weighted)
