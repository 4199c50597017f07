"""How much a unit's response could say about a repeated stimulus, at most, if its noise were Gaussian."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import information_bound as bound
from homeoanalysis.numerics import multitaper, resampling, synthetic, trials
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.units import Hertz, Second

Floats = NDArray[np.float64]
_STIMULI, _REPEATS, _CUTOFF = 6, 24, 100.0


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoder of six frozen stimuli of 1 s, G = 300 * 0.3^2 / (2 * 100) = 0.135: 100 log2(1.135) = 18.27 bit/s.

    They are cut from 60 s, since stimuli that have each the same power vary less than their stretches do.
    """
    label = rng.permutation(np.repeat(np.arange(_STIMULI), _REPEATS))
    start = 1.024 * np.arange(label.size, dtype=np.float64)
    frozen = synthetic.band_limited_noise(60.0, 1000.0, _CUTOFF, rng).reshape(-1, 1000)[:_STIMULI]
    mean = np.maximum(300 * (1 + 0.3 * frozen[label]), 0) * 1e-3
    trains = []
    for _ in range(2):
        count = rng.poisson(mean).ravel()
        at = (start[:, None] + 1e-3 * np.arange(1000)).ravel()
        trains.append(np.repeat(at, count) + rng.uniform(0, 1e-3, count.sum()))
    one = synthetic.activity(trains, 1.024 * label.size)
    given = {"end": 1.0, "highest": _CUTOFF, "segment": 0.5, "time_half_bandwidth": 2.0}
    value = _CUTOFF * np.log2(1 + 300 * 0.3**2 / (2 * _CUTOFF))
    return Truth(synthetic.with_trials(one, start, 1.0, [f"frozen {k}" for k in label]), value, given)


@metric(
    units="bit/s",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("bit/s", "95 % interval (jackknife over stretches of the stimuli)"),
        "high": Companion("bit/s", "95 % interval (jackknife over stretches of the stimuli)"),
        "trials": Companion("1", "Fewest trials of a stimulus", (0, np.inf)),
    },
    source="-integral of log2(1 - s), s the share of the response's power that repeats, the root of the coherence of two "
    "responses: Borst & Theunissen 1999, doi:10.1038/14731; no bound for a nonlinear code: Bernardi & Lindner 2015, "
    "doi:10.1152/jn.00354.2014",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.scattered_trains, 0.0),
    each_epoch=True,
)
def response_information_rate(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    highest: Hertz,
    bin_size: Second = 1e-3,
    segment: Second = 0.256,
    time_half_bandwidth: Annotated[float, Field(ge=1, le=20)] = 3.0,
) -> Mapping[str, Any]:
    """Upper estimate of the information rate, from the coherence of responses to the same stimulus.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. highest: [Hz], to which is integrated: that of the stimulus.
    bin_size, segment: [s]; half-bandwidth W = time_half_bandwidth / segment.
    Returns (unit, epoch), [bit/s]; its mean is 0 where nothing is repeated, so that it can be negative. An estimate, and a
    bound only where signal and noise add up and are Gaussian. NaN with fewer than 20 spikes.
    Raises NotApplicable without spikes and counts, without trials, or where no stimulus was repeated; DataError if W is more
    than a tenth of `highest`, or that is beyond Nyquist.
    """
    found = trials.counts(activity, begin, end, bin_size)
    per_piece = round(segment / bin_size)
    n_pieces = found.spikes.shape[2] // per_piece
    if n_pieces < 1 or highest > 0.5 / bin_size:
        raise DataError(
            f"no piece of {segment:g} s fits into {end - begin:g} s, or {highest:g} Hz is beyond Nyquist; make them shorter"
        )
    bound.check_half_bandwidth(highest, segment, time_half_bandwidth)
    windows = multitaper.tapers(per_piece, time_half_bandwidth)
    kept, weight = bound.weights(per_piece, bin_size, highest)
    values, fewest = np.full((3, activity.sizes["unit"]), np.nan), np.zeros(activity.sizes["unit"])
    for u, (spikes, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        repeats = np.bincount(found.stimulus[seen], minlength=len(found.labels))
        fewest[u] = min(repeats[repeats > 1], default=0)
        if not fewest[u] or spikes[seen].sum() < 20:
            continue
        parts = []
        for k in np.flatnonzero(repeats > 1):
            mine = spikes[seen & (found.stimulus == k), : n_pieces * per_piece].reshape(-1, n_pieces, per_piece)
            each = [multitaper.eigencoefficients(piece, windows)[:, kept] for piece in np.swapaxes(mine, 0, 1)]
            spectra = np.stack(each).reshape(n_pieces, repeats[k], windows.shape[0], -1)
            power = np.sum(np.abs(spectra) ** 2, axis=(1, 2))
            both = np.sum(np.abs(spectra.sum(axis=1)) ** 2, axis=1) - power
            parts.append(np.stack([both / (repeats[k] - 1), power], axis=1))  # repeats x that of a pair, and of one
        values[:, u] = _with_interval(np.concatenate(parts), weight)
    if not fewest.any():
        raise NotApplicable("no stimulus was repeated, so that responses to the same one cannot be compared")
    return {
        "response_information_rate": values[0],
        "response_information_rate_low": values[1],
        "response_information_rate_high": values[2],
        "response_information_rate_trials": fewest,
        "coords": {"unit": activity.unit.values},
    }


def _with_interval(parts: Floats, weight: Floats) -> tuple[float, float, float]:
    """From (stretch, [common, all], frequency): the integral, and its interval from leaving out one stretch at a time."""

    def integral(sums: Floats) -> Floats:
        return np.asarray(-np.log2(1 - np.minimum(sums[..., 0, :] / sums[..., 1, :], 1 - 1e-9)) @ weight)

    value, n = float(integral(parts.sum(axis=0))), parts.shape[0]
    if n < 3:
        return value, np.nan, np.nan
    width = t_quantile(0.95, n - 1) * float(np.sqrt((n - 1) * integral(parts.sum(axis=0) - parts).var()))
    return value, value - width, value + width
