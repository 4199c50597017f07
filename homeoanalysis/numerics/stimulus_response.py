"""Stimulus and response cut into pieces of equal length, ready for spectra."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed, presented

Floats = NDArray[np.float64]


class Pieces(NamedTuple):
    """Stimulus (piece, bin), spikes of units (unit, piece, bin), highest frequency of the stimulus [Hz], start (piece) [s]."""

    stimulus: Floats
    response: Floats
    cutoff: float
    start: Floats


def pieces(activity: xr.Dataset, *, bin_size: float, segment: float) -> Pieces:
    """Cut all time in which the first covariate was recorded into pieces of `segment` [s], in bins of `bin_size` [s].

    The stimulus is averaged in each bin. Time that does not fill a piece is left out, and so is time in which a stimulus of
    earlier trials is shown again, see `presented`.
    Raises NotApplicable without stimulus or without one whole piece; DataError if bins do not fit the sampling.
    """
    if "covariate" not in activity:
        raise NotApplicable("no stimulus")
    observed.need_spikes(activity)
    rate = float(activity.variables["covariate"].attrs["sampling_rate"])
    per_bin, n_bins = round(rate * bin_size), round(segment / bin_size)
    if per_bin < 1 or abs(rate * bin_size - per_bin) > 1e-6:
        raise DataError(f"bin_size {bin_size:g} s is no multiple of the stimulus' step of {1 / rate:g} s; choose a multiple")
    activity = presented.new_time(activity)
    values = observed.array(activity, "covariate")[0]
    cut, starts = [], []
    for first, count, t_start in zip(
        observed.array(activity, "covariate_first_sample"),
        observed.array(activity, "covariate_sample_count"),
        observed.array(activity, "covariate_t_start"),
        strict=True,
    ):
        n = int(count) // (per_bin * n_bins)
        cut.append(values[first : first + n * n_bins * per_bin].reshape(n, n_bins, per_bin).mean(axis=2))
        starts.append(t_start + segment * np.arange(n))
    stimulus, start = np.concatenate(cut), np.concatenate(starts)
    if start.size == 0:
        raise NotApplicable(f"no {segment:g} s of stimulus in one piece")
    response = np.stack([_counts(t, start, n_bins, bin_size) for t in observed.spike_trains(activity)])
    nyquist = 0.5 / bin_size
    bandwidth = float(observed.array(activity, "covariate_bandwidth")[0])
    return Pieces(stimulus, response, nyquist if np.isnan(bandwidth) else min(bandwidth, nyquist), start)


def _counts(times: Floats, start: Floats, n_bins: int, bin_size: float) -> Floats:
    slack = observed.EDGE * bin_size
    piece = np.searchsorted(start, times + slack, side="right") - 1
    times, piece = times[piece >= 0], piece[piece >= 0]
    index = np.floor((times - start[piece]) / bin_size + observed.EDGE).astype(np.int64)
    kept = index < n_bins
    flat = np.bincount(piece[kept] * n_bins + index[kept], minlength=start.size * n_bins)
    return flat.reshape(start.size, n_bins).astype(float)
