"""The eleven features of 78 recordings of cultures, as published, and retinal waves under a drug."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.config.loading import load_config
from homeoanalysis.ingest import ingest
from homeoanalysis.measure import measure
from homeoanalysis.provenance import rng_for

ROOT = Path(__file__).parents[3]
Recorded = Callable[[str], Path]
CULTURES, WAVES = "charlesworth2015_mea_development", "hennig2011_retina_bicuculline"
# The least rank correlation over the 78 recordings. The published burst rates are of rates rounded to 0.001 Hz; the bins of
# network spikes begin at a whole second there, and with the recording here; the density of log intervals is summed by another
# rule there.
FEATURES = dict.fromkeys(("burst.rate", "burst.dur", "spikes.in.bursts", "CV.IBI", "num.n.s", "burst.fir.rate", "corr"), 0.999)
FEATURES |= {"fir.rate": 0.999999, "n.s.peak": 0.99, "n.s.dur": 0.99, "theta.burst": 0.995}


def activities(name: str, recorded: Recorded, only: Callable[[Path], bool]) -> dict[str, xr.Dataset]:
    """By the name of the file."""
    recording = load_config(ROOT / "config").recordings[name]
    found = {}
    for replicate, info in recording.replicates.items():
        files = {role: recorded(f"{recording.source.mirror or name}/{file.name}") for role, file in info.files.items()}
        (path,) = files.values()
        if only(path):
            found[path.stem] = ingest(recording, name=name, replicate=replicate, files=files)
    return found


def above_zero(values: np.ndarray) -> float:
    """The median over units of what is there and not zero; 0 where nothing is, as in the table."""
    kept = values[np.isfinite(values) & (values > 0)]
    return float(np.median(kept)) if kept.size else 0.0


def features(one: xr.Dataset) -> dict[str, float]:
    """One row of the table."""
    bursts, network = measure([one], "max_interval_burst_rate"), measure([one], "network_spike_rate")
    burst = {key: bursts[f"max_interval_burst_rate_{key}"].values for key in ("duration", "fraction", "irregularity", "within")}
    theta = measure([one], "theta_bursting").theta_bursting.values
    pairs = measure([one], "spike_time_tiling_coefficient", window=0.005).spike_time_tiling_coefficient.values
    return {
        "burst.rate": 60 * above_zero(bursts.max_interval_burst_rate.values),
        "burst.dur": above_zero(burst["duration"]),
        "spikes.in.bursts": 100 * above_zero(burst["fraction"]),
        "CV.IBI": above_zero(burst["irregularity"]),
        "num.n.s": 60 * network.network_spike_rate.item(),
        "n.s.peak": float(np.nan_to_num(network.network_spike_rate_peak.item())),
        "n.s.dur": float(np.nan_to_num(network.network_spike_rate_duration.item())),
        "fir.rate": float(np.median(measure([one], "firing_rate").firing_rate)),
        "burst.fir.rate": above_zero(burst["within"]),
        "corr": float(np.nanmean(pairs)),
        "theta.burst": float(np.nansum(theta)) / theta.size,
    }


@pytest.mark.slow
def test_the_eleven_features_of_the_published_table(recorded: Recorded) -> None:
    """hvcfeatures.csv of Charlesworth et al. 2015: each feature with the rank correlation that docs/metrics.md states."""
    with recorded(f"{CULTURES}/hvcfeatures.csv").open() as stream:
        table = {row[""]: row for row in csv.DictReader(stream)}
    found = {name: features(one) for name, one in activities(CULTURES, recorded, lambda path: path.stem in table).items()}
    assert len(found) == 78
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for feature, least in FEATURES.items():
        ours = np.array([row[feature] for row in found.values()])
        theirs = np.array([float(table[name][feature]) for name in found])
        correlation = stats.spearmanr(ours, theirs)[0]
        assert correlation > least, feature
        assert np.median(np.abs(ours - theirs)) < 0.005 * theirs.max(), feature
        stated = re.search(rf"\| `{re.escape(feature)}` \| .* \| ([01]\.\d+) \|", page)
        assert stated is not None, f"docs/metrics.md must state {feature}"
        assert float(stated[1]) == pytest.approx(correlation, abs=1e-4), feature
        if feature == "fir.rate":
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def growth(early: np.ndarray, late: np.ndarray) -> tuple[float, float]:
    """p of paired cultures whose growth is as fast after day 21 as before, and of no growth after it; one-sided t tests."""
    slower = stats.ttest_rel(late, early, alternative="less").pvalue
    return float(slower), float(stats.ttest_1samp(late, 0, alternative="greater").pvalue)


@pytest.mark.slow
def test_the_cultures_settle_near_day_21(recorded: Recorded, request: pytest.FixtureRequest) -> None:
    """Median rates of hippocampal cultures: growth until day 21 and none from then on (published: until about 21).

    The control: as many cultures that go on growing, with the scatter of these, are found growing in more than 9 of 10 studies,
    and slower in 5 %. So that nothing found here is no lack of cultures.
    """
    recording = load_config(ROOT / "config").recordings[CULTURES]
    rates: dict[str, dict[int, float]] = {}
    for replicate, info in recording.replicates.items():
        if info.factors["region"] != "hippocampus":
            continue
        files = {role: recorded(f"{CULTURES}/{file.name}") for role, file in info.files.items()}
        one = ingest(recording, name=CULTURES, replicate=replicate, files=files)
        rates.setdefault(info.subject, {})[int(info.factors["age"])] = float(np.median(measure([one], "firing_rate").firing_rate))

    paired = [r for r in rates.values() if {7, 21, 28} <= set(r)]
    assert len(paired) >= 5
    early, late = (np.array([np.log(r[b] / r[a]) / (b - a) for r in paired]) for a, b in ((7, 21), (21, 28)))  # e-folds a day
    assert stats.ttest_1samp(early, 0, alternative="greater").pvalue < 0.01
    slower, growing = growth(early, late)
    assert slower < 0.01
    assert growing > 0.05
    rng = rng_for(1, request.node.name)
    scatter = [each.std(ddof=1) for each in (early, late)]
    studies = early.mean() + rng.normal(size=(500, 2, len(paired))) * np.array(scatter)[:, None]
    told = np.array([growth(*study) for study in studies]) < 0.05
    fault = binomial_rule(told[:, 0], 0.05)
    assert not fault, fault
    assert told[:, 1].mean() > 0.9


@pytest.mark.slow
def test_waves_become_fewer_and_rates_stay_high_under_bicuculline(recorded: Recorded) -> None:
    """Hennig et al. 2011, P5: rates 0.317, 0.552 and 0.450 Hz; events 0.94, 0.53 and 0.69 a minute (control, drug, wash)."""
    found = activities(WAVES, recorded, lambda path: "_P5_" in path.stem)
    found = {name.rpartition("Mar_2010_")[2]: one for name, one in found.items()}
    order = ("control_day1", "bic_day2", "wash_day2")
    rates = [float(measure([found[k]], "firing_rate").firing_rate.mean()) for k in order]
    assert rates == pytest.approx([0.317, 0.552, 0.450], abs=0.001)
    events = [60 * measure([found[k]], "population_event_rate").population_event_rate.item() for k in order]
    assert events == pytest.approx([0.94, 0.53, 0.69], abs=0.01)
    parts = [measure([found[k]], "population_event_participation").population_event_participation.item() for k in order]
    sizes = [measure([found[k]], "population_event_spikes").population_event_spikes.item() for k in order]
    assert all(0 < part < 1 for part in parts)
    assert sizes[1] > sizes[0]


STANDS_FOR = {  # panel of the study: column of the table, and what a number of the column is worth in the unit of the metric
    "firing_rate": ("fir.rate", 1.0),
    "burst_rate": ("burst.rate", 1 / 60),
    "burst_duration": ("burst.dur", 1.0),
    "spikes_in_bursts": ("spikes.in.bursts", 0.01),
    "burst_irregularity": ("CV.IBI", 1.0),
    "rate_within_bursts": ("burst.fir.rate", 1.0),
    "network_spikes": ("num.n.s", 1 / 60),
    "network_spike_peak": ("n.s.peak", 1.0),
    "network_spike_duration": ("n.s.dur", 1.0),
    "correlation": ("corr", 1.0),
    "theta_bursts": ("theta.burst", 1.0),
}


@pytest.mark.slow
def test_the_published_numbers_of_the_study_are_those_of_the_table(recorded: Recorded) -> None:
    """Means over all cultures with their standard error, and over the recordings that are read here, for each age and region."""
    config = load_config(ROOT / "config")
    study = config.studies["cultures"]
    recording = config.recordings[CULTURES]
    read = {Path(file.name).stem for r in recording.replicates.values() for file in r.files.values()}
    with recorded(f"{CULTURES}/hvcfeatures.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for panel, (column, worth) in STANDS_FOR.items():
        for member in study.published[panel].members():
            quantity, region = member.quantity, {"hippocampus": "hpc", "cortex": "ctx"}[member.curve]
            mine = [r for r in rows if r["region"] == region and int(r["age"]) == member.x]
            every = worth * np.array([float(r[column]) for r in mine])
            of_these = worth * np.array([float(r[column]) for r in mine if r[""] in read])
            assert quantity.published is not None
            assert quantity.scaled is not None
            error = stats.sem(every)
            told = (quantity.published.value, quantity.published.low, quantity.published.high)
            assert told == pytest.approx((every.mean(), every.mean() - error, every.mean() + error), rel=1e-3)
            assert quantity.scaled.value == pytest.approx(of_these.mean(), rel=1e-5)
    assert len([member for panel in STANDS_FOR for member in study.published[panel].members()]) == 88
