"""Whether a unit says less about the stimulus the further its rate is from its set point."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import information_bound as bound
from homeoanalysis.numerics import multitaper, observed, resampling, synthetic
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_FEWEST_PIECES, _FEWEST_SPIKES, _FEWEST_WINDOWS = 4, 20, 4
_DISTANCES = np.array([0.0, 0.0, -0.4, 0.9, -1.0, 0.5, -0.7, 1.0, 0.2, -0.2])  # of the logarithm of the rate
_CUTOFF, _WINDOW = 60.0, 12.288


def _moved(slope: float, rng: np.random.Generator) -> Truth:
    """Poisson encoders at 600 Hz exp(d) in each window, as deep as makes the information 30 + slope |d| bit/s."""
    rate = 600 * np.exp(_DISTANCES)
    ratio = 2 ** ((30 + slope * abs(_DISTANCES)) / _CUTOFF) - 1
    depth = np.sqrt(2 * _CUTOFF * ratio / rate)
    duration = _WINDOW * rate.size
    n = round(_WINDOW * 1000)
    stimulus = synthetic.band_limited_noise(duration, 1000.0, _CUTOFF, rng)
    mean = np.maximum(np.repeat(rate, n) * (1 + np.repeat(depth, n) * stimulus), 0) * 1e-3
    trains = []
    for _ in range(2):
        count = rng.poisson(mean)
        trains.append(np.repeat(np.arange(mean.size), count) * 1e-3 + rng.uniform(0, 1e-3, count.sum()))
    epochs = {"baseline": (0.0, 2 * _WINDOW), "after": (2 * _WINDOW, duration)}
    one = synthetic.activity(trains, duration, epochs=epochs, covariate=stimulus, bandwidth=_CUTOFF)
    given = {"window": _WINDOW, "segment": 0.512, "time_half_bandwidth": 2.0}
    return Truth(one, slope, given, conservative="HC3 is wide where windows are few")


@metric(
    units="bit/s",
    dims=("unit",),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("bit/s", "95 % interval (heteroscedastic, over windows)"),
        "high": Companion("bit/s", "95 % interval (heteroscedastic, over windows)"),
        "distance": Companion("1", "Absolute logarithm of the rate over that of the baseline, in each window", (0, np.inf)),
        "information_rate": Companion("bit/s", "Lower bound of the information rate in each window"),
    },
    source="least squares of the lower bound of the information rate (Borst & Theunissen 1999, doi:10.1038/14731) in windows on "
    "the distance of their rate from that of the baseline; interval: HC3, MacKinnon & White 1985, "
    "doi:10.1016/0304-4076(85)90158-7",
    family="coding",
    scale="linear",
    truth=lambda rng: _moved(-15.0, rng),
    surrogate=resampling.shifted_stimulus,
    null=lambda rng: _moved(0.0, rng),
    derived_from=("information_rate",),
)
def set_point_fidelity(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    window: Second = 60.0,
    bin_size: Second = 1e-3,
    segment: Second = 0.256,
    time_half_bandwidth: Annotated[float, Field(ge=1, le=20)] = 3.0,
) -> Mapping[str, Any]:
    """Slope of the information rate over the distance of the firing rate from its set point, for each e-fold of the rate.

    activity: activity/1 with spikes, a covariate, and the epoch `baseline`, whose rate is the set point.
    window: [s], from the first stimulus on; both are measured in it, in whole pieces. bin_size, segment, time_half_bandwidth:
    as of `information_rate`.
    Returns (unit), [bit/s], below 0 where fidelity is lost away from the set point. A course of (unit, time) goes with it, NaN in
    windows of fewer than 4 pieces or 20 spikes. NaN with fewer than 4 windows, or without a spike in the baseline. The slope
    says nothing of causes: a change of the stimulus' meaning over time is one, too. In each window the information of every
    other piece is set against the distance in the others: a window with more spikes by chance says more, and lies elsewhere, too.
    Few spikes in a window make the distance noisy and the slope too flat: with 100 a slope of -0.5 is found as -0.41.
    Raises NotApplicable without spikes, stimulus or that epoch; DataError if the half-bandwidth is too wide.
    """
    cut = pieces(activity, bin_size=bin_size, segment=segment)
    bound.check_half_bandwidth(cut.cutoff, segment, time_half_bandwidth)
    count, time = observed.counts(activity, [baseline])
    first = cut.start[0]
    of = np.floor((cut.start - first + segment / 2) / window + observed.EDGE).astype(np.int64)
    n_windows = int(of[-1]) + 1
    windows = multitaper.tapers(cut.stimulus.shape[1], time_half_bandwidth)
    kept, weight = bound.weights(cut.stimulus.shape[1], bin_size, cut.cutoff)
    n_tapers = windows.shape[0]
    stimulus = multitaper.eigencoefficients(cut.stimulus, windows)[:, kept]
    distance, told = np.full((2, activity.sizes["unit"], n_windows), np.nan)
    values = np.full((3, activity.sizes["unit"]), np.nan)
    for u, response in enumerate(cut.response):
        if not count[u, 0]:
            continue
        spectra = bound.by_piece(stimulus, multitaper.eigencoefficients(response, windows)[:, kept], of.size)
        spikes = response.sum(axis=1)
        near, said = np.full((2, n_windows, 2), np.nan)  # of the two halves of each window
        for k in range(n_windows):
            mine = np.flatnonzero(of == k)
            parts = (mine, mine[::2], mine[1::2])
            number = np.array([spikes[part].sum() for part in parts])
            if mine.size >= _FEWEST_PIECES and number[0] >= _FEWEST_SPIKES and number[1:].all():
                rate = number / [part.size * segment for part in parts]
                distance[u, k], *near[k] = abs(np.log(rate * time[u, 0] / count[u, 0]))
                cross, xx, yy = spectra
                told[u, k], *said[k] = (bound.total((cross[p], xx[p], yy[p]), n_tapers, weight) for p in parts)
        known = np.isfinite(told[u])
        if known.sum() >= _FEWEST_WINDOWS:
            values[:, u] = _slope(near[known], said[known, ::-1])
    per_window = ("unit", "time")
    starts = ("time", first + window * np.arange(n_windows), {"units": "s", "long_name": "start of the window"})
    return {
        "set_point_fidelity": values[0],
        "set_point_fidelity_low": values[1],
        "set_point_fidelity_high": values[2],
        "set_point_fidelity_distance": (per_window, distance),
        "set_point_fidelity_information_rate": (per_window, told),
        "coords": {"unit": activity.unit.values, "time": starts},
    }


def _slope(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Least-squares slope through (window, half) and its 95 % interval over windows; NaN where x does not vary."""
    centred = x - x.mean()
    power = float(np.sum(centred**2))
    if power == 0:
        return np.nan, np.nan, np.nan
    slope = float(np.sum(centred * y) / power)
    # The halves of a window are taken out together: the leverage is that of the window.
    leverage = np.sum(1 / x.size + centred**2 / power, axis=1)
    score = np.sum(centred * (y - y.mean() - slope * centred), axis=1) / (1 - leverage)
    width = t_quantile(0.95, len(x) - 2) * float(np.sqrt(np.sum(score**2))) / power
    return slope, slope - width, slope + width
