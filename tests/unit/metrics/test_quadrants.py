"""Population against units: ellipses hold the truth, and global and local homeostasis are told apart."""

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.metric import Metric
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.provenance import rng_for

SPANS = {"control": (0.0, 40.0), "baseline": (40.0, 80.0), "perturbation": (80.0, 120.0), "recovery": (120.0, 160.0)}


def metric(name: str) -> Metric:
    found: Metric = catalogue.load("metrics", name)
    return found


def network(spread: float, rng: np.random.Generator) -> xr.Dataset:
    """80 units whose log rates drift by 0.2 before and by `spread` over the perturbation; their sum comes back exactly."""
    log = rng.normal(3, 0.4, (80, 1)) + np.array([0, 0, np.log(0.4), 0])
    log[:, 1:] += rng.normal(0, 0.2, (80, 1))
    log[:, 3] += rng.normal(0, spread, 80)
    rates = np.exp(log)
    rates[:, 3] *= rates[:, 1].sum() / rates[:, 3].sum()
    return synthetic.stepped(rates, SPANS, rng)


@pytest.mark.slow
def test_the_ellipse_holds_the_truth(request: pytest.FixtureRequest) -> None:
    """95 % in two dimensions: recovery 1 and ln 2, 500 draws."""
    inside = []
    for draw in range(500):
        known = metric("unit_stability").truth(rng_for(1, request.node.name, draw))
        found = metric("unit_stability")(known.activity)
        off = np.array([float(found.unit_stability_recovery) - 1, float(found.unit_stability) - np.log(2)])
        errors = np.array([float(found.unit_stability_recovery_error), float(found.unit_stability_error)])
        z, r = off / errors, float(found.unit_stability_correlation)
        inside.append((z[0] ** 2 - 2 * r * z[0] * z[1] + z[1] ** 2) / (1 - r**2) <= stats.chi2.ppf(0.95, 2))
    fault = binomial_rule(inside, 0.95)
    assert not fault, fault


def test_global_and_local_homeostasis_are_told_apart_by_the_units(request: pytest.FixtureRequest) -> None:
    """Populations that come back alike: the area under the curve of the precision is above 0.95, that of the recovery is not."""
    points = {}
    for name, spread in (("global", 0.5), ("local", 0.2)):
        each = [metric("unit_stability")(network(spread, rng_for(1, request.node.name, name, k))) for k in range(12)]
        points[name] = np.array([[float(e.unit_stability), float(e.unit_stability_recovery)] for e in each])
    area = [
        stats.mannwhitneyu(points["global"][:, k], points["local"][:, k]).statistic
        / (len(points["global"]) * len(points["local"]))
        for k in (0, 1)
    ]
    assert area[0] > 0.95
    assert abs(area[1] - 0.5) < 0.45


def test_a_population_steadier_than_its_units_is_seen() -> None:
    """The sum is held, units are not: p <= 0.1 in more than a third of 20 networks; in one of ten by chance."""
    each = [metric("macro_stability")(network(0.5, rng_for(1, "macro", k))) for k in range(20)]
    assert np.mean([float(found.macro_stability_p) <= 0.1 for found in each]) > 1 / 3


def test_the_recovery_needs_no_drift_of_units(request: pytest.FixtureRequest) -> None:
    """Poisson units: the index is withheld with a reason, and the recovery is that of `recovery_fraction`."""
    rng = rng_for(1, request.node.name)
    one = synthetic.stepped(rng.lognormal(3, 0.4, (80, 1)) * [1, 1, 0.4, 0.8], SPANS, rng)
    found, plain = metric("unit_stability")(one), metric("recovery_fraction")(one)
    assert np.isnan(found.unit_stability)
    assert "counting noise" in str(found.reason.values)
    for end in ("", "_low", "_high"):
        assert float(found[f"unit_stability_recovery{end}"]) == float(plain[f"recovery_fraction{end}"])
    assert 0.6 < float(found.unit_stability_recovery_low) < float(found.unit_stability_recovery_high) < 0.73


def test_lost_units_leave_the_index_and_stay_in_the_recovery(request: pytest.FixtureRequest) -> None:
    """Ten of 80 units are lost in the recovery: they would be the ones far from their set points."""
    rng = rng_for(1, request.node.name)
    whole = network(0.2, rng)
    trains = observed.spike_trains(whole)
    lost = synthetic.activity([t[t < 140] if k < 10 else t for k, t in enumerate(trains)], 160.0, epochs=SPANS)
    found, intact = metric("unit_stability")(lost), metric("unit_stability")(whole)
    assert float(found.unit_stability_lost) == 10
    assert float(intact.unit_stability_lost) == 0
    assert float(found.unit_stability) == pytest.approx(float(intact.unit_stability), abs=0.2)
    assert float(found.unit_stability_recovery) < float(intact.unit_stability_recovery) - 0.05
