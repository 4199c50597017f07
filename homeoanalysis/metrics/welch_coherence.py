"""Coherence as most papers have it: Welch's method with a Hann window, and with its bias."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Between, Pieces
from homeoanalysis.units import Hertz, Second

_FEWEST = 4
_SHARED = 1 / 36  # squared correlation of the spectra of neighbouring Hann windows that overlap by half


_N = 2 * 62 - 1  # windows in 62 segments
_WORTH = _N / (1 + 4 * _SHARED * 61 / _N)


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals of coherence 0.4, whose estimate is larger by (1 - 0.4)^2 / L, L of 123 windows."""
    return Truth(synthetic.related_pair(0.4, 63.488, 250.0, rng), 0.4 + 0.6**2 / _WORTH, {"segment": 1.024})


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(0, 1),
    companions={"df": Companion("1", "Estimates that are worth as much as independent ones", (1, np.inf))},
    source="Welch 1967, doi:10.1109/TAU.1967.1161901; Hann windows that overlap by half, magnitude-squared, not corrected",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    null=surrogate_of(_truth, surrogate.shifted_channels, 1 / _WORTH),
)
def welch_coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 2.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Coherence (magnitude-squared, Welch, with its bias).

    What is to be compared with published values; `coherence` has less variance, no bias, and intervals.
    activity: activity/1 with what `between` names; the parameters are those of `coherence`. segment: [s] of a window.
    Returns (pair, epoch, frequency), [1], from 1 / segment on. Independent channels have 1 / df on average. NaN, with the reason
    in the coordinate `reason`, for a train of fewer than 20 spikes or a flat signal.
    Raises NotApplicable without what `between` names, with a single channel, or with fewer than 4 whole segments; DataError
    beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        grid = pieces.grid
        if pieces.kept.size < _FEWEST:
            raise NotApplicable(f"{pieces.kept.size} whole segments, fewer than {_FEWEST}")
        frequency = np.asarray(np.fft.rfftfreq(grid.n_bins, grid.bin_size), np.float64)
        if highest is not None and highest > frequency[-1] * (1 + 1e-9):
            raise DataError(f"highest is {highest:g} Hz, beyond the Nyquist frequency of {frequency[-1]:g} Hz; lower it")
        kept = (frequency > 0) & (frequency <= (highest or np.inf))
        values = pieces.read(pieces.kept)
        # Where one piece follows another, a window stands across their border too.
        follows = np.diff(grid.start[pieces.kept]) < grid.n_bins * grid.bin_size * (1 + 1e-9)
        half = grid.n_bins // 2
        across = np.concatenate([values[:, :-1][:, follows, half:], values[:, 1:][:, follows, :half]], axis=2)
        window = _hann(grid.n_bins)[None]
        with np.errstate(invalid="ignore"):  # channels that cannot be measured may hold infinities
            spectra = [multitaper.eigencoefficients(v, window)[:, kept] for v in np.concatenate([values, across], axis=1)]
        found = np.stack([multitaper.magnitude_squared(spectra[a], spectra[b]) for a, b in pairs])
        n, n_shared = values.shape[1] + across.shape[1], across.shape[1]
        worth = n / (1 + 4 * _SHARED * n_shared / n)
        return {"": pair_metrics.blanked(found, reasons), "df": worth}, {"frequency": pair_metrics.hertz(frequency[kept])}

    return pair_metrics.of_pairs(activity, welch_coherence.name, between, measured, segment=segment, bin_size=bin_size)


def _hann(n_bins: int) -> NDArray[np.float64]:
    """Periodic, as it is for spectra."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_bins) / n_bins)
