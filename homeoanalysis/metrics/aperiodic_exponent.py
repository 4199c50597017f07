"""The exponent of the aperiodic part of a spectrum, with or without a knee, and what rhythms add to it."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import DataError
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import aperiodic, densities, pair_metrics
from homeoanalysis.numerics import bands as named
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Band, Bands, Kind, Pieces, TimeHalfBandwidth, recorded_kind
from homeoanalysis.units import Second

_BANDS: dict[str, tuple[float, float]] = {"theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """1 / f^1.5 with a peak."""
    activity = synthetic.aperiodic_signal(1.5, 0.0, [(25.0, 0.8, 2.0)], 64.0, 250.0, rng)
    return Truth(activity, 1.5, {"segment": 1.024, "fitted": (10.0, 100.0)})


def _null(rng: np.random.Generator) -> Truth:
    """White noise: exponent 0."""
    activity = synthetic.aperiodic_signal(0.0, 0.0, [], 64.0, 250.0, rng)
    # SD of the exponent over draws 0.030, mean error of the jackknife 0.045; 0.023 and 0.025 where no peak is left out.
    changing = "peaks that chance makes come and go in the jackknife"
    return Truth(activity, 0.0, {"segment": 1.024, "fitted": (10.0, 100.0)}, conservative=changing)


@metric(
    units="1",
    dims=("channel", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        **pair_metrics.ends("1", (-np.inf, np.inf)),
        "knee_frequency": Companion("Hz", "Where the knee bends; 0 without one", (0, np.inf)),
        "r2": Companion("1", "Explained variance of the logarithm, peaks left out", (-np.inf, 1)),
        "above": Companion("1", "Mean log10 of the density over the fit, in each band"),
    },
    source="log10 S = offset - log10(knee + f^exponent): Donoghue et al. 2020, doi:10.1038/s41593-020-00744-x; peaks above 2.5 "
    "robust standard deviations are left out with their flanks; Huber's weights; sine tapers: Riedel & Sidorenko 1995, "
    "doi:10.1109/78.365298",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shuffled_samples,
    null=_null,
)
def aperiodic_exponent(
    activity: xr.Dataset,
    *,
    of: Kind = "lfp",
    fitted: Band = (30.0, 70.0),
    knee: bool = False,
    bands: Bands = _BANDS,
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 2.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Aperiodic exponent: 2 where power falls as 1 / f^2.

    activity: activity/1 with what `of` names; the parameters, not the tapers, are those of `power_spectrum`. fitted: from where
    to where, [low, high] in Hz: 30 to 70 Hz for excitation against inhibition (Gao et al. 2017), 2 to 40 Hz with `knee`.
    Returns (channel, epoch), [1]; `above` is (channel, epoch, band). NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `of` names or with fewer than 8 independent estimates; DataError for a range beyond
    Nyquist or of fewer than 10 frequencies.
    """

    of = recorded_kind(activity, of)

    def measured(pieces: Pieces) -> Any:
        spectra = cs.cross_spectra(
            pieces, densities.NO_PAIRS, time_half_bandwidth=time_half_bandwidth, highest=fitted[1], is_sine=True
        )
        used = spectra.frequency >= fitted[0]
        if used.sum() < 10:
            raise DataError(
                f"fitted [{fitted[0]:g} Hz, {fitted[1]:g} Hz] holds {used.sum()} frequencies; widen it or make segment longer"
            )
        frequency = spectra.frequency[used]
        value, deleted = (np.log10(np.where(v > 0, v, np.nan)) for v in densities.densities(pieces, spectra, of))
        inside, empty = named.members(frequency, bands)
        n = len(pieces.names)
        found = {key: np.full(n, np.nan) for key in ("", "knee_frequency", "r2")}
        above = np.full((n, len(bands)), np.nan)
        kept = np.zeros((n, frequency.size), bool)
        usable = np.flatnonzero(pieces.reason == "")
        for c in usable:
            one = aperiodic.fit(frequency, value[used, c], has_knee=knee)
            bend = one.knee ** (1 / one.exponent) if one.knee > 0 else 0.0
            for key, number in zip(found, (one.exponent, bend, one.r2), strict=True):
                found[key][c] = number
            rest = (value[used, c] - one.fitted)[:, None]
            kept[c] = one.kept
            above[c] = named.averaged(rest, inside)[:, 0]

        @functools.cache
        def width() -> np.ndarray:
            error = np.full(n, np.nan)
            for c in usable:
                fits = (aperiodic.fit(frequency, d[used, c], has_knee=knee, without_peaks=kept[c]) for d in deleted)
                each = np.array([one.exponent for one in fits])
                error[c] = cs.standard_error(found[""][c], each, spectra.weight)
            return cs.half_width(error, spectra.weight)

        return {
            **found,
            "low": lambda: found[""] - width(),
            "high": lambda: found[""] + width(),
            "above": above,
            "reason": named.noted(pieces.reason, empty),
        }, {"band": list(bands)}

    return pair_metrics.of_channels(activity, aperiodic_exponent.name, of, measured, segment=segment, bin_size=bin_size)
