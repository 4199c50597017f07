"""What a contrast takes of a measure: which summary of units, which companion, which frequencies; and `each`, written out."""

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.contrast import Contrast, Contrasts

UNITS = [[0.0, 1.0, 2.0, 9.0], [0.0, 0.0, 0.0, 0.0]]  # of two replicates, which are two subjects


def measured(values: Any = UNITS, frequency: Any = None) -> xr.Dataset:
    """A measure of bursts with a companion that is ten times as large; of spectra, if it has frequencies."""
    each = np.concatenate([np.asarray(v, float) for v in values])
    names = [f"r{k}" for k in range(len(values))]
    dims, more = ("unit", "epoch"), {}
    each = each[:, None]
    if frequency is not None:
        each = each[..., None] * np.asarray(frequency, float)
        dims, more = (*dims, "frequency"), {"frequency": ("frequency", np.asarray(frequency, float), {"units": "Hz"})}
    metric = "max_interval_burst_rate" if frequency is None else "coherence"
    return xr.Dataset(
        {
            metric: (dims, each, {"units": "Hz", "long_name": "bursts"}),
            f"{metric}_duration": (dims, 10 * each, {"units": "s", "long_name": "duration"}),
        },
        coords={
            "unit": [f"u{k}" for k in range(len(each))],
            "unit_replicate": ("unit", [name for name, v in zip(names, values, strict=True) for _ in v]),
            "epoch": ["whole"],
            "replicate": names,
            "subject": ("replicate", names),
            "factors": ("replicate", [json.dumps({"age": 7 * (k + 1)}) for k in range(len(names))]),
            **more,
        },
        attrs={"schema": "measure/1", "source": "rec", "source_kind": "recording", "metric": metric, "not_applicable": "{}"},
    )


def located(one: xr.Dataset, **changes: Any) -> xr.Dataset:
    label = one.attrs["metric"]
    contrast = Contrast(metrics=[label], epoch="whole", **changes)
    by_label = {label: {"rec": Measured(one, {})}}
    found = compare(by_label, contrasts={"c": contrast}, targets={"rec": []}, fitted={}, study="s", seed=1)
    return found.isel(target=0, contrast=0, metric=0, source=0)


@pytest.mark.parametrize(("summary", "expected"), [("mean", 1.5), ("median", 0.75), ("median_above_zero", 1.0)])
def test_units_of_each_replicate_are_summarised_first(summary: str, expected: float) -> None:
    """Of (0, 1, 2, 9) and of four silent ones: means 3 and 0, medians 1.5 and 0, of those above zero 2 and 0."""
    assert float(located(measured(), over_units=summary).location) == expected


def test_units_without_a_value_count_for_nothing_or_as_zero() -> None:
    one = measured([[np.nan, 1.0, 2.0, 9.0], [4.0, np.nan, np.nan, np.nan]])
    assert float(located(one).location) == 4.0
    assert float(located(one, over_units="mean_or_zero").location) == 2.0


def test_an_interval_over_units_is_of_their_mean_only() -> None:
    one = measured([np.arange(1.0, 9.0), np.arange(1.0, 9.0)])
    assert np.isfinite(located(one).location_within_low)
    assert np.isnan(located(one, over_units="median").location_within_low)


def test_a_companion_stands_in_the_place_of_its_metric_and_is_not_judged() -> None:
    found = located(measured(), companion="duration")
    assert float(found.location) == 15.0
    assert found.unit.item() == "s"
    assert set(found.reason.values.tolist()) == {"the target itself"}


@pytest.mark.parametrize(("asked", "expected"), [("8 Hz", 8.0), ("8.4 Hz", 8.0), ("6 Hz to 10 Hz", 8.0), ("2 Hz to 9 Hz", 5.5)])
def test_a_frequency_is_the_nearest_one_and_a_span_the_mean_over_it(asked: str, expected: float) -> None:
    one = measured([[1.0], [1.0]], np.arange(1.0, 21.0))
    assert float(located(one, at={"frequency": asked}).location) == pytest.approx(expected)


def test_a_frequency_that_was_not_measured_has_no_value() -> None:
    found = located(measured([[1.0], [1.0]], np.arange(1.0, 21.0)), at={"frequency": "30 Hz"})
    assert np.isnan(found.location)
    assert found.location_reason.item() == "no frequency of 30 Hz; the metric has those from 1 to 20 Hz"


@pytest.mark.parametrize(
    ("asked", "told"), [("8", "no unit|write '8 Hz'"), ("9 Hz to 8 Hz", "the lower end first"), ("8 mV", "'8 Hz'")]
)
def test_what_is_no_frequency_is_refused(asked: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Contrast(metrics=["coherence"], epoch="whole", at={"frequency": asked})


def test_each_is_a_contrast_of_every_combination() -> None:
    raw = {"rate": {"metrics": ["firing_rate"], "where": {"drug": "no"}, "each": {"region": ["ctx", "hpc"], "age": [7, 14]}}}
    found = Contrasts.validate_python(raw)
    assert list(found) == ["rate_ctx_7", "rate_ctx_14", "rate_hpc_7", "rate_hpc_14"]
    assert found["rate_hpc_7"].where == {"drug": "no", "region": "hpc", "age": 7}
    assert raw["rate"]["each"] == {"region": ["ctx", "hpc"], "age": [7, 14]}
    with pytest.raises(ValidationError, match=r"rate\.each makes 'rate_7', which is there already"):
        Contrasts.validate_python({"rate": {"metrics": ["x"], "each": {"age": [7]}}, "rate_7": {"metrics": ["x"]}})
    with pytest.raises(ValidationError, match="at least 1 item"):
        Contrasts.validate_python({"rate": {"metrics": ["x"], "each": {"age": []}}})


def test_a_subject_with_an_infinite_value_is_left_out_and_not_averaged_over_the_rest() -> None:
    one = measured([[1.0], [4.0]], frequency=[1.0, 2.0])
    one.coherence[0, 0, 1] = np.inf
    found = located(one, at={"frequency": "1 Hz to 2 Hz"})
    assert (float(found.location), int(found.n_subjects), int(found.n_left_out)) == (6.0, 1, 1)
