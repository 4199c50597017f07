"""Power spectrum of signals and spike trains in time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import densities, observed, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Kind, Pieces, TimeHalfBandwidth, recorded_kind
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """White noise of unit variance: 2 dt at all frequencies and times."""
    activity = synthetic.with_signal([np.linspace(1, 31, 100)], rng.normal(size=(2, 32 * 250)), 250.0)
    return Truth(activity, 2 / 250, {"window": 1.0})


@metric(
    units="1/Hz",
    dims=("channel", "time", "frequency"),
    bounds=(0, np.inf),
    companions={},
    source="multitaper density of each window: Thomson 1982, doi:10.1109/PROC.1982.12433",
    family="spectra",
    scale=None,
    truth=_truth,
    surrogate=surrogate.shuffled_samples,
    null=_truth,
)
def spectrogram(
    activity: xr.Dataset,
    *,
    of: Kind = "lfp",
    window: Second = 2.0,
    time_half_bandwidth: TimeHalfBandwidth = 2.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Power spectral density in windows of observed time, one after the other.

    activity: activity/1 with what `of` names. window: [s].
    Returns (channel, time, frequency), in the unit of `power_spectrum`, at the centres of the windows that lie in one segment as
    a whole: a gap has no windows, and no value. NaN where the signal has a gap or is flat, or the unit was not isolated.
    Raises NotApplicable without what `of` names or without a whole window; DataError beyond Nyquist.
    """
    of = recorded_kind(activity, of)
    start, stop = observed.segments(activity)
    pieces = Pieces(activity, (of,), segment=window, bin_size=bin_size, span=(float(start[0]), float(stop[-1])))
    frequency, kept = cs.frequencies(pieces, time_half_bandwidth, highest)
    n = pieces.grid.start.size
    factor = 1 / pieces.grid.bin_size if of == "spikes" else 2 * pieces.grid.bin_size
    found = np.full((len(pieces.names), n, frequency.size), np.nan)
    for block, x in cs.coefficients(pieces, np.arange(n), time_half_bandwidth, kept):
        found[:, block] = factor * np.mean(x.real**2 + x.imag**2, axis=2)
    found[~pieces.valid] = np.nan
    found[pieces.reason != ""] = np.nan
    if not np.isfinite(found).any():
        raise NotApplicable("no window without a gap")
    coords: dict[str, Any] = {"channel": pair_metrics.names(activity, of), "reason": ("channel", pieces.reason.astype(str))}
    centre = pieces.grid.start + pieces.grid.n_bins * pieces.grid.bin_size / 2
    coords |= {"time": ("time", centre, {"units": "s"}), "frequency": pair_metrics.hertz(frequency)}
    return {"spectrogram": (("channel", "time", "frequency"), found, densities.unit_of(activity, of)), "coords": coords}
