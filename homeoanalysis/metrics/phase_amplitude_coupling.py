"""Coupling of the amplitude of a fast rhythm to the phase of a slow one, in each channel of a signal."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import observed, pair_metrics, phases
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Band, Signal, recorded_kind
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_DRAWS = 199
_GROUPS = 32
_PARAMETERS: dict[str, Any] = {"phase": (6.0, 10.0), "amplitude": (50.0, 110.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """An amplitude B (1 + m cos(phase)): (m / 2) / sqrt(1 + m^2 / 2) E(B) / sqrt(E(B^2)), here with m = 0.8."""
    value = np.sqrt(np.pi) / 2 * 0.4 / np.sqrt(1 + 0.32)
    return Truth(synthetic.coupled_rhythms(0.8, 60.0, 500.0, rng), value, _PARAMETERS)


def _null(rng: np.random.Generator) -> Truth:
    """The same two rhythms, without any coupling."""
    steady = "amplitudes that were turned round by less than the slow rhythm keeps its phase are like those that were not"
    return Truth(synthetic.coupled_rhythms(0.0, 60.0, 500.0, rng), np.nan, _PARAMETERS, conservative=steady)


def _uncoupled(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Each channel with the phases of its Fourier components at random: the same spectrum, nothing is coupled."""
    changed = {}
    for kind in (k for k in ("lfp", "lfp_proxy") if k in activity):
        values = activity[kind].values.copy()
        for a, n in zip(activity[f"{kind}_first_sample"].values, activity[f"{kind}_sample_count"].values, strict=True):
            spectrum = np.fft.rfft(values[:, a : a + n])
            turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.uniform(size=spectrum.shape))
            values[:, a : a + n] = np.fft.irfft(turned, n) if n else 0
        changed[kind] = (activity[kind].dims, values, activity[kind].attrs)
    return activity.assign(changed)


def _length(vector: np.ndarray, square: np.ndarray, n: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.abs(vector) / np.sqrt(n * square))


@metric(
    units="1",
    dims=("channel", "epoch"),
    bounds=(0, 1),
    companions={
        **pair_metrics.ends("1", (-1, 2)),
        "preferred": Companion("1", "Phase [radian] at which the amplitude is highest: 0 is the peak", (-np.pi, np.pi)),
        "p": Companion("1", "Probability of a value as large where amplitude is turned round in time against phase", (0, 1)),
        "q": pair_metrics.discovery("channels"),
        "by_chance": Companion("1", "Mean of the same where amplitude is turned round in time", (0, 1)),
    },
    source="|sum A exp(i phase)| / sqrt(n sum A^2): Ozkurt & Schnitzler 2011, doi:10.1016/j.jneumeth.2011.08.014, eq. 9",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=_uncoupled,
    null=_null,
)
def phase_amplitude_coupling(
    activity: xr.Dataset, *, of: Signal = "lfp", phase: Band = (6.0, 10.0), amplitude: Band = (30.0, 80.0), segment: Second = 1.0
) -> Mapping[str, Any]:
    """Phase-amplitude coupling (normalised mean vector).

    activity: activity/1 with the signal. phase, amplitude: bands, [low, high] in Hz; that of the amplitude must be wide
    enough for its side lobes, at least twice the higher end of the other. segment: [s] of the pieces of the jackknife.
    The interval covers 95 % where the amplitude varies as that of noise does. It is too narrow where rare bursts make most of the
    power: with a log-normal amplitude (SD of its logarithm 0.5) it covers 90 % in 60 s and 94 % in 480 s.
    Returns (channel, epoch), [1]: what is left by chance is in `by_chance`. NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without the signal or a stretch of it that is long enough; DataError for bands that do not fit.
    """
    of = recorded_kind(activity, of)
    if amplitude[1] - amplitude[0] < 2 * phase[1] or amplitude[0] < phase[1]:
        raise DataError(
            f"amplitude [{amplitude[0]:g} Hz, {amplitude[1]:g} Hz] cannot hold what a phase up to {phase[1]:g} Hz does to it; "
            f"make it at least {2 * phase[1]:g} Hz wide, and higher than the phase"
        )
    n_channels = activity.sizes[f"{of}_channel"]

    def measured(label: str) -> dict[str, np.ndarray]:
        found = {key: np.full(n_channels, np.nan) for key in ("", "low", "high", "preferred", "p", "by_chance")}
        reasons = np.full(n_channels, "", object)
        for channel in range(n_channels):
            parts = list(phases.stretches(activity, of, channel, [phase, amplitude], observed.epoch(activity, label)))
            if not parts:
                reasons[channel] = f"no stretch without a gap, and not flat, that is longer than {6 / phase[0]:.3g} s"
                continue
            directions = [s.analytic[0] / np.abs(s.analytic[0]) for s in parts]
            height = [np.abs(s.analytic[1]) for s in parts]
            seconds = np.concatenate(
                [
                    np.floor(np.arange(d.size) / (s.rate * segment) + 1e-9).astype(int) + 10**6 * k
                    for k, (d, s) in enumerate(zip(directions, parts, strict=True))
                ]
            )
            _, of_second = np.unique(seconds, return_inverse=True)
            n_seconds = int(of_second[-1]) + 1
            if n_seconds < 2:
                reasons[channel] = f"a single piece of {segment:g} s, which has no interval"
                continue
            group = (np.arange(n_seconds) * min(n_seconds, _GROUPS) // n_seconds)[of_second]
            z, a = np.concatenate(directions), np.concatenate(height)
            vector = np.bincount(group, (a * z).real) + 1j * np.bincount(group, (a * z).imag)
            square, n = np.bincount(group, a**2), np.bincount(group).astype(float)
            total = vector.sum(), square.sum(), n.sum()
            value = _length(*total)
            deleted = _length(total[0] - vector, total[1] - square, total[2] - n)
            width = cs.half_width(cs.standard_error(value, deleted, n), n) if n.size > 1 else np.nan
            rng = rng_for(0, "shifted amplitudes", channel)
            shifted = phases.shifted_sums(list(zip(height, directions, strict=True)), parts[0].rate, _DRAWS, 2 / phase[0], rng)
            by_chance = _length(shifted, total[1], total[2])
            p = (1 + np.sum(by_chance >= value)) / (1 + _DRAWS)
            values = value, value - width, value + width, np.angle(total[0]), p, by_chance.mean()
            for key, one in zip(found, values, strict=True):
                found[key][channel] = one
        if (reasons != "").all():
            raise NotApplicable(str(reasons[0]))
        return {**found, "q": discoveries(found["p"]), "reason": reasons}

    found, labels, reasons = pair_metrics.over_epochs(activity, measured)
    coords = {"channel": pair_metrics.names(activity, of), "reason": ("channel", reasons), "epoch": labels}
    return {**pair_metrics.suffixed(phase_amplitude_coupling.name, found), "coords": coords}
