"""Sweeps: closed forms over the swept parameters, nothing lost without a reason, and the same dataset whatever the jobs were."""

import itertools
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.drawing import save
from homeoanalysis.errors import ContractError, DataError, SimulationError
from homeoanalysis.measure import measure
from homeoanalysis.report.values import picture as shown
from homeoanalysis.simulate import sessions, simulate
from homeoanalysis.sweep import Verbs, gather, picture, sweep_points

DT, TAU, THRESHOLD, REFRACTORY = 1e-4, 10e-3, 10e-3, 2e-3
RATE, DRIVE = "protocols.outside.poisson_input.rate", "cell.lif_current.drive"
NEURON = {
    "tau_membrane": "10 ms",
    "refractory": "2 ms",
    "v_rest": "-60 mV",
    "v_threshold": "-50 mV",
    "v_reset": "-60 mV",
    "drive": "12 mV",
}
MODEL = {
    "title": "A Poisson source and a neuron",
    "duration": "10 s",
    "populations": {
        "source": {"n": 20, "cell_type": "E", "neuron": "relay"},
        "cell": {"n": 1, "cell_type": "I", "neuron": {"lif_current": NEURON}},
    },
    "protocols": {
        "outside": {"poisson_input": {"population": "source", "channel": "excitatory", "rate": "10 Hz", "weight": "1 mV"}}
    },
    "epochs": {"all_of_it": ["0 s", "10 s"]},
}
METRICS = ("firing_rate", "coefficient_of_variation")


def run(model: Model, *, replicate: int, stimulus: None) -> xr.Dataset:
    return simulate(model, name="model", replicate=replicate, seed=1)


def swept(points: Mapping[int, Mapping[str, Any]], run: Any = run, realisations: int = 2) -> xr.Dataset:
    metrics: dict[str, dict[str, Any]] = {label: {} for label in METRICS}
    return sweep_points(MODEL, points, Verbs(run, sessions, measure), source="model", realisations=realisations, metrics=metrics)


def grid() -> dict[int, dict[str, str]]:
    pairs = [(rate, drive) for rate in (2, 10, 50) for drive in (9, 12, 20)]
    return {k: {RATE: f"{rate} Hz", DRIVE: f"{drive} mV"} for k, (rate, drive) in enumerate(pairs)}


@cache
def whole() -> xr.Dataset:
    """The sweep over the grid, made in one part."""
    return gather([swept(grid())], dict.fromkeys(METRICS))


@pytest.mark.slow
def test_rates_follow_the_closed_forms() -> None:
    """Poisson: several events of a step make one spike. LIF: the interval, to a time step; below threshold no spike at all."""
    made, seconds = whole(), 10.0 * 20 * 2
    rate, drive = made[RATE].values, made[DRIVE].values
    assert (made[RATE].attrs["units"], made[DRIVE].attrs["units"]) == ("Hz", "V")
    source, cell = (made.firing_rate_mean.sel(cell_type=kind, epoch="all_of_it").values for kind in "EI")
    expected = (1 - np.exp(-rate * DT)) / DT
    assert np.all(np.abs(source - expected) < 4 * np.sqrt(expected / seconds))
    fires = drive > THRESHOLD
    interval = REFRACTORY + TAU * np.log(drive[fires] / (drive[fires] - THRESHOLD))
    assert np.all(np.abs(cell[fires] - 1 / interval) < 1 / interval**2 * DT + 1 / 10.0)
    assert np.all(cell[~fires] == 0)


def test_what_a_parameter_does_not_reach_stays_the_same_to_the_last_bit() -> None:
    """Negative control: points share their random numbers, so that the source does not see the neuron's drive."""
    source = whole().firing_rate.sel(cell_type="E").values.reshape(3, 3, 2)
    assert np.array_equal(source, np.broadcast_to(source[:, :1], source.shape))
    assert not np.array_equal(source[0], source[1])
    assert not np.array_equal(source[..., 0], source[..., 1]), "realisations differ"


def test_a_value_is_missing_with_a_reason_only() -> None:
    """A silent neuron has no coefficient of variation; the source of the same realisation has."""
    made = whole()
    silent = made[DRIVE].values < THRESHOLD
    told = made.coefficient_of_variation_reason.values
    assert np.all(np.char.startswith(told[silent].astype(str), "I: undefined; it is "))
    assert np.all(told[~silent] == "")
    assert made.coefficient_of_variation.sel(cell_type="E").notnull().all()


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(1,) * 9, (4, 4, 1), (2, 7)])
def test_the_same_bytes_whatever_the_jobs_were(sizes: tuple[int, ...], tmp_path: Path) -> None:
    points, ends = list(grid().items()), np.cumsum([0, *sizes])
    parts = []
    for k, (start, stop) in enumerate(itertools.pairwise(ends)):
        write(swept(dict(points[start:stop])), tmp_path / f"{k}.nc")
        parts.append(open_dataset(tmp_path / f"{k}.nc"))
    write(gather(parts[::-1], dict.fromkeys(METRICS)), tmp_path / "parts.nc")
    write(whole(), tmp_path / "whole.nc")
    assert (tmp_path / "parts.nc").read_bytes() == (tmp_path / "whole.nc").read_bytes()


def blowing_up(model: Model, *, replicate: int, stimulus: None) -> xr.Dataset:
    """In the second realisation, and at the strongest drive always."""
    drive = model.populations["cell"].neuron.parameters["drive"]
    if replicate == 1 or drive > 0.019:
        raise SimulationError(f"cell0 is at inf V after {drive:g} s")
    return run(model, replicate=replicate, stimulus=None)


def test_a_point_that_blows_up_is_kept_with_its_reason(tmp_path: Path) -> None:
    points = {k: {RATE: "10 Hz", DRIVE: f"{drive} mV"} for k, drive in enumerate((12, 20))}
    points[2] = {RATE: "-1 Hz", DRIVE: "12 mV"}
    made = gather([swept({k: p}, run=blowing_up) for k, p in points.items()], dict.fromkeys(METRICS))
    assert made.reason.values[:2].tolist() == [["", "cell0 is at inf V after 0.012 s"], ["cell0 is at inf V after 0.02 s"] * 2]
    assert all("rate is '-1 Hz'" in reason for reason in made.reason.values[2])
    assert made.firing_rate.notnull().any(["cell_type", "epoch"]).values.tolist() == [
        [True, False],
        [False, False],
        [False, False],
    ]
    assert np.array_equal(made.firing_rate_reason.values, made.reason.values)
    book = json.loads(made.attrs["bookkeeping"])["realisations"]
    assert (book["in"], book["out"]) == (6, 1)
    assert book["in"] == book["out"] + sum(book["dropped"].values())
    write(made, tmp_path / "sweep.nc")
    assert "5 dropped" in picture(made).caption


def test_a_sweep_in_which_everything_blows_up_is_told(tmp_path: Path) -> None:
    def never(model: Model, *, replicate: int, stimulus: None) -> xr.Dataset:
        raise SimulationError("v is inf")

    made = gather([swept({0: {DRIVE: "12 mV"}}, run=never), swept({1: {DRIVE: "14 mV"}}, run=never)], dict.fromkeys(METRICS))
    assert made.firing_rate.isnull().all()
    assert (made.firing_rate_reason == "v is inf").all()
    assert "Nothing to draw" in picture(made).caption
    write(made, tmp_path / "sweep.nc")
    with pytest.raises(ContractError, match="4 values of 'firing_rate' are missing without a reason"):
        write(
            made.assign(
                reason=made.reason.where(made.reason == "", ""), firing_rate_reason=made.reason.where(made.reason == "", "")
            ),
            tmp_path / "x.nc",
        )


def test_a_point_that_is_lost_or_twice_is_an_error() -> None:
    one = swept({0: {DRIVE: "12 mV"}}, realisations=1)
    for parts in ([one, one], [one.assign_coords(point=[1])]):
        with pytest.raises(DataError, match="not each point once"):
            gather(parts, dict.fromkeys(METRICS))


def test_intervals_are_over_realisations_from_four_on() -> None:
    made = swept({0: {RATE: "10 Hz"}}, realisations=4).sel(cell_type="E", epoch="all_of_it")
    x = made.firing_rate.values[0]
    half = 3.182446 * x.std(ddof=1) / 2  # Student's t with 3 degrees of freedom
    assert np.allclose([made.firing_rate_low.item(), made.firing_rate_high.item()], [x.mean() - half, x.mean() + half], rtol=1e-6)
    assert made.firing_rate_over.item() == "over realisations"


@pytest.mark.slow
@pytest.mark.parametrize("paths", [(DRIVE,), (RATE, DRIVE), (RATE, DRIVE, "duration")])
def test_every_sweep_has_a_figure_with_a_caption(paths: tuple[str, ...], tmp_path: Path) -> None:
    """One parameter: curves. Two: a map. More: a panel for each."""
    made = whole().assign_attrs(sweep="gain", source="model")
    made = made.assign_coords(duration=("point", np.linspace(1, 90, 9), {"units": "s"}))
    drawn = picture(made.drop_vars([p for p in (RATE, DRIVE, "duration") if p not in paths]))
    save(drawn, tmp_path / "sweep.gain.png")
    found = shown("sweep.gain", tmp_path / "sweep.gain.png")
    assert found.caption.startswith("Sweep gain of model: n = 9 points x 2 realisations.")
    assert [(s.path, s.variable) for s in found.sources] == [("sweeps/gain.nc", f"{label}_mean") for label in METRICS]
    assert len(json.loads(found.axes)) >= len(METRICS) * (2 if len(paths) == 2 else len(paths))
