"""The figures of rhythms: data and model together, what the caption says, and nothing to draw."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.draw import draw
from homeoanalysis.drawing import save
from homeoanalysis.measure import measure
from homeoanalysis.numerics import synthetic_signals as signals
from homeoanalysis.provenance import rng_for

BANDS = {"theta_hippocampal": (6.0, 10.0), "beta": (13.0, 30.0)}
EPOCHS = {"baseline": (0.0, 30.0), "recovery": (30.0, 60.0)}


def source(name: str, kind: str, c: float) -> xr.Dataset:
    """A rhythm of 8 Hz with locked spikes, and a second channel of the coherence c with the first."""
    rng = rng_for(10, name)
    phase = signals.rhythm(8.0, 60.0, 250.0, rng)
    noise = rng.normal(size=(2, phase.size))
    x = np.cos(phase) + 0.5 * noise[0]
    y = np.sqrt(c) * x + np.sqrt(1 - c) * noise[1]
    trains = [signals.locked_train(phase + turn, 250.0, 15.0, depth, rng) for turn, depth in ((0.0, 0.8), (2.0, 0.5), (4.0, 0.0))]
    activity = signals.with_signal(trains, np.stack([x, y]), 250.0, epochs=EPOCHS)
    return activity.assign_attrs(source=name, source_kind=kind, replicate="0", subject="0")


@pytest.fixture(scope="module")
def measures() -> dict[str, dict[str, xr.Dataset]]:
    both = [source("hippocampus", "recording", 0.6), source("network", "model", 0.3)]
    asked = {
        "power_spectrum": {"segment": 2.0},
        "coherence": {"segment": 2.0},
        "coherence_change": {"segment": 2.0, "bands": BANDS},
        "phase_locking": {"bands": BANDS},
    }
    return {name: {a.attrs["source"]: measure([a], name, **given) for a in both} for name, given in asked.items()}


def nothing_compared() -> xr.Dataset:
    return xr.Dataset(coords={"metric": [], "candidate": []})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (
            "rhythms",
            ["hippocampus: 4 spectra", "network: 2 coherences (c0-c1)", "independent channels exceed with probability 0.05"],
        ),
        ("band_change", ["hippocampus: 1 pairs, interval of the single pair (jackknife)", "equal degrees of freedom and rate"]),
        ("phase_rose", ["theta_hippocampal", "vector strength"]),
    ],
)
def test_a_figure_shows_data_and_model_and_says_what_n_is(
    figure: str, words: list[str], measures: dict[str, dict[str, xr.Dataset]], tmp_path: Path
) -> None:
    drawn = draw(figure, measures, nothing_compared())
    for piece in words:
        assert piece in drawn.caption
    labels = {text.get_text() for legend in drawn.figure.legends for text in legend.get_texts()}
    assert {"hippocampus", "network"} <= labels
    assert figure != "rhythms" or {"baseline", "recovery"} <= labels
    for axes in drawn.figure.axes:
        assert "(" in axes.get_xlabel() + axes.get_ylabel()
    save(drawn, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000
    again = draw(figure, {name: {} for name in measures}, nothing_compared())
    assert "Nothing to draw" in again.caption


def test_a_band_change_is_an_effect_size_over_subjects_and_their_pairs(measures: dict[str, dict[str, xr.Dataset]]) -> None:
    """One pair has its own interval; of several the mean over pairs of each subject, then over subjects, is drawn."""
    one = measures["coherence_change"]["hippocampus"]
    axes = draw("band_change", {"coherence_change": {"hippocampus": one}}, nothing_compared()).figure.axes[0]
    marker, bars = axes.containers[0][0], axes.containers[0][2][0].get_segments()
    np.testing.assert_allclose(marker.get_ydata(), one.coherence_change_effect[0])
    np.testing.assert_allclose(
        [bar[:, 1] for bar in bars], np.stack([one[f"coherence_change_effect_{e}"][0] for e in ("low", "high")], 1)
    )
    effects = [[0.1, 0.3, 0.2, np.nan, 0.2], [0.5], [0.4, 0.6], [0.5, 0.7]]
    names = [str(k) for k in range(4)]
    values = np.concatenate(effects)[:, None]
    several = xr.Dataset(
        dict.fromkeys(("coherence_change", "coherence_change_effect"), (("pair", "band"), values)),
        coords={"band": ["beta"], "replicate": names, "subject": ("replicate", names)},
        attrs=one.attrs,
    ).assign_coords(pair_replicate=("pair", np.repeat(names, [len(e) for e in effects])))
    drawn = draw("band_change", {"coherence_change": {"hippocampus": several}}, nothing_compared())
    subjects = np.array([0.2, 0.5, 0.5, 0.6])
    marker, bars = drawn.figure.axes[0].containers[0][0], drawn.figure.axes[0].containers[0][2][0].get_segments()
    np.testing.assert_allclose(marker.get_ydata(), subjects.mean())
    half = 3.182 * subjects.std(ddof=1) / 2  # t interval of four subjects
    assert np.diff(bars[0][:, 1])[0] / 2 == pytest.approx(half, rel=0.03)
    assert "interval over subjects (n = 4)" in drawn.caption
