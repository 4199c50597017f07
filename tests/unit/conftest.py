"""A small study from formulas, for the tests of figures and report."""

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.contrast import Contrasts
from homeoanalysis.config.study import Study
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.provenance import code_of, rng_for, stamp

EPOCHS = {"baseline": (4.0, 8.0), "perturbation": (8.0, 10.0), "recovery": (14.0, 18.0)}
CONTRASTS: dict[str, Any] = {
    "narrow": {
        "metrics": ["firing_rate", "stimulus_coherence", "information_rate"],
        "where": {"cutoff": "40 Hz"},
        "epoch": "stimulus",
    },
    "back": {"metrics": ["recovery_fraction"]},
    "change": {"metrics": ["firing_rate"], "epoch": "recovery", "reference": "baseline"},
}
TARGETS = {"rec": ["enc", "net"], "net": ["net.static"]}
METRICS: dict[str, Any] = {
    "firing_rate": {},
    "population_rate": {"bin_size": "1 s", "cell_type": "E"},
    "recovery_fraction": {"cell_type": "E"},
    "stimulus_coherence": {"segment": "512 ms"},
    "information_rate": {"segment": "1 s"},
}


class Example(NamedTuple):
    study: Study
    measures: dict[str, dict[str, xr.Dataset]]
    comparison: xr.Dataset
    activities: dict[str, list[xr.Dataset]]


def encoders(source: str, kind: str, replicates: int, depth: float) -> list[xr.Dataset]:
    """Encoders of a noise stimulus of two bandwidths."""
    found = []
    for cutoff in (40, 80):
        for k in range(replicates):
            rng = rng_for(1, source, cutoff, k)
            one = synthetic.poisson_encoder(100.0, depth, float(cutoff), 12.0, rng, n_units=2 if replicates > 1 else 1)
            one = one.assign(epoch_start=("epoch", [0.0], {"units": "s"}), epoch_stop=("epoch", [12.0], {"units": "s"}))
            one = one.assign_coords(epoch=["stimulus"])
            found.append(described(one, source, kind, f"{cutoff}_{k}", str(k), {"cutoff": f"{cutoff} Hz"}))
    return found


def networks(source: str, recovered: float, level: float = 10.0) -> list[xr.Dataset]:
    """Excitatory units that lose most of their rate, and get it back or not."""
    found = []
    for k in range(4):
        rng = rng_for(1, source, k)
        rates = (level, 0.2 * level, recovered * level)
        trains = [
            np.concatenate([a + synthetic.poisson_train(r, b - a, rng) for r, (a, b) in zip(rates, EPOCHS.values(), strict=True)])
            for _ in range(8)
        ]
        one = synthetic.activity(trains, 18.0, epochs=EPOCHS).assign(cell_type=("unit", ["E"] * 8))
        found.append(described(one, source, "model", str(k), str(k), {}))
    return found


def described(one: xr.Dataset, source: str, kind: str, replicate: str, subject: str, factors: dict[str, Any]) -> xr.Dataset:
    return one.assign_attrs(
        source=source,
        source_kind=kind,
        replicate=replicate,
        subject=subject,
        factors=json.dumps(factors),
        citation=f"About {source}",
    )


def measured(activities: list[xr.Dataset], label: str, *, draws: bool) -> Measured:
    """As rule measure does it."""
    parameters = Study(title="", question="", recordings=["rec"], metrics={label: METRICS[label]}).metric(label).parameters
    estimate = measure(activities, label, **parameters)
    # What a measure says of its activities, besides the metric.
    for name, values in {
        "bookkeeping": [a.attrs["bookkeeping"] for a in activities],
        "epochs": [json.dumps(observed.epochs(a)) for a in activities],
    }.items():
        estimate = estimate.assign_coords({name: ("replicate", values)})
    drawn = measure_draws(activities, label, draws=20, block=1.0, seed=1, **parameters) if draws else {}
    done = {"step": "measure", "code": code_of("measure"), "parameters": {"metric": {label: METRICS[label]}}, "seed": 1}
    return Measured(stamp(estimate, inputs={"results/activity/a.nc": "0" * 64}, **done), drawn)


@pytest.fixture(scope="session")
def example() -> Example:
    activities = {
        "rec": encoders("rec", "recording", 1, 0.3),
        "enc": encoders("enc.ci", "model", 4, 0.25),
        "net": networks("net.ci", 0.95),
        "net.static": networks("net.static.ci", 0.2),
    }
    both = {
        label: {s: measured(a, label, draws=s in TARGETS and label != "population_rate") for s, a in activities.items()}
        for label in METRICS
    }
    fitted = {"enc": ["firing_rate"]}
    contrasts = Contrasts.validate_python(CONTRASTS)
    comparison = compare(both, contrasts=contrasts, targets=TARGETS, fitted=fitted, study="small", seed=1)
    parameters = {"contrasts": CONTRASTS, "targets": TARGETS, "fitted": fitted}
    comparison = stamp(comparison, step="compare", code=code_of("compare"), parameters=parameters, inputs={}, seed=1)
    study = Study(
        title="A small study",
        question="Is it small?",
        recordings=["rec"],
        models=["enc", "net"],
        variants={"net": {"static": {}}},
        metrics=METRICS,
        contrasts=contrasts,
        targets=TARGETS,
        resampling={"draws": 20, "block": "1 s"},
    )
    estimates = {label: {s: m.estimate for s, m in by_source.items()} for label, by_source in both.items()}
    return Example(study, estimates, comparison, activities)
