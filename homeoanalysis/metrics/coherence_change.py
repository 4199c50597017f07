"""How the coherence of pairs changes from one epoch to another, at equal degrees of freedom and equal rate."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import bands as named
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, observed, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import BANDS, Bands, Between, Pieces, TimeHalfBandwidth, recorded_kind, thinned
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_ENDS = functools.partial(pair_metrics.ends, "1", over="jackknife over groups of pieces of both epochs")
_EPOCHS = {"baseline": (0.0, 60.0), "recovery": (60.0, 120.0)}
_BANDS = {"beta": (13.0, 30.0), "gamma": (30.0, 80.0)}


def _changed(first: float, second: float, rng: np.random.Generator) -> Truth:
    parts = [synthetic.related_pair(c, 60.0, 250.0, rng).lfp.values for c in (first, second)]
    activity = synthetic.with_signal([np.linspace(1, 119, 200)], np.concatenate(parts, axis=1), 250.0, epochs=_EPOCHS)
    effect = np.arctanh(np.sqrt(second)) - np.arctanh(np.sqrt(first))
    return Truth(activity, second - first, {"segment": 1.024, "bands": _BANDS}, {"effect": effect})


def _truth(rng: np.random.Generator) -> Truth:
    """Coherence 0.5 before and 0.3 after."""
    return _changed(0.5, 0.3, rng)


def _null(rng: np.random.Generator) -> Truth:
    """Coherence 0.4 before and after."""
    return _changed(0.4, 0.4, rng)


def _without_change(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """No relation of the channels in either epoch, so no change."""
    return surrogate.shifted_channels(activity, rng)


def _equal_rate(activity: xr.Dataset, spans: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> xr.Dataset:
    """Each unit with random spikes taken out of the epoch in which it fires more, so that its rates are equal."""
    count, time = observed.counts(activity, list(spans))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = count / time
        share = np.where(rate > 0, rate.min(axis=1, keepdims=True) / rate, 1.0)
    unit, times = observed.unit_of_spike(activity), activity.spike_time.values
    keep = np.ones(times.size, bool)
    for e, (start, stop) in enumerate(spans.values()):
        for u in np.flatnonzero(share[:, e] < 1):
            mine = np.flatnonzero((unit == u) & (times >= start) & (times < stop))
            keep[rng.permutation(mine)[round(mine.size * share[u, e]) :]] = False
    return thinned(activity, keep)


def _truncated(pieces: Pieces, n: int) -> None:
    """Keep n pieces, spread evenly over the epoch."""
    pieces.kept = pieces.kept[np.arange(n) * pieces.kept.size // n]


@metric(
    units="1",
    dims=("pair", "band"),
    bounds=(-2, 2),
    companions={
        **_ENDS((-3, 3)),
        "effect": Companion("1", "Effect size q: difference of atanh sqrt(coherence)"),
        **pair_metrics.suffixed("effect", _ENDS((-np.inf, np.inf))),
        "p": Companion("1", "Probability of an effect as large where the coherence is the same in both", (0, 1)),
        "q": Companion("1", "False discovery rate over pairs and bands at which it is found", (0, 1)),
        "df": Companion("1", "Independent estimates L in each of the epochs", (1, np.inf)),
    },
    source="difference of the coherence less its bias, averaged over the band; effect size: that of correlations, Cohen "
    "1988, Statistical Power Analysis, section 4.2, which no number of pieces changes; its test: Bokil et al. 2007, "
    "doi:10.1162/neco.2007.19.9.2271, with jackknife variances; rates made equal by thinning, since the coherence of spikes "
    "falls with their rate",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=_without_change,
    null=_null,
    derived_from=("coherence",),
)
def coherence_change(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    bands: Bands = BANDS,
    epoch: str = "recovery",
    reference: str = "baseline",
    equal_rate: bool = True,
    thinnings: Annotated[int, Field(ge=1, le=1000)] = 20,
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Change of coherence from the epoch `reference` to the epoch `epoch`, in bands.

    activity: activity/1 with what `between` names, and both epochs; the other parameters are those of `band_coherence`.
    equal_rate: thin the spikes of each unit in the epoch in which it fires more, `thinnings` times over.
    Both epochs are cut to the number of pieces of the shorter one.
    Returns (pair, band), [1]; NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `between` names, one of the epochs, or 8 independent estimates in each.
    """
    from scipy import special

    kinds = recorded_kind(activity, between[0]), recorded_kind(activity, between[1])
    spans = {label: observed.epoch(activity, label) for label in (reference, epoch)}
    is_thinned = equal_rate and "spikes" in kinds
    n_tapers = int(2 * time_half_bandwidth) - 1
    changes: list[NDArray[np.float64]] = []
    reasons, empty, n = np.zeros(0, object), "", 0
    for draw in range(thinnings if is_thinned else 1):
        alike = _equal_rate(activity, spans, rng_for(0, "thinning", draw)) if is_thinned else activity
        parts = [Pieces(alike, kinds, segment=segment, bin_size=bin_size, span=span) for span in spans.values()]
        fewest = min(p.kept.size for p in parts)
        cs.enough(fewest * n_tapers)
        found: list[tuple[Any, ...]] = []
        for pieces in parts:
            _truncated(pieces, fewest)
            pairs = cs.all_pairs(pieces, kinds)
            why = pair_metrics.pair_reasons(pieces, pairs)
            reasons = why if not found else np.where(reasons == "", why, reasons)
            spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
            inside, empty = named.members(spectra.frequency, bands)
            n = spectra.n

            def mean(part: cs.Sums, inside: NDArray[np.bool_] = inside, n: int = n) -> NDArray[np.float64]:
                return named.averaged(multitaper.corrected(cs.squared(part), n), inside)

            def stable(part: cs.Sums, inside: NDArray[np.bool_] = inside) -> NDArray[np.float64]:
                return cs.variance_stable(named.averaged(cs.squared(part), inside))

            found.append((*cs.jackknife(spectra, mean), *cs.jackknife(spectra, stable), spectra.weight.size))
        (a, a_error, za, za_error, groups), (b, b_error, zb, zb_error, _) = found
        changes.append(np.stack([b - a, a_error**2 + b_error**2, zb - za, za_error**2 + zb_error**2]))
    value, variance, z, z_variance = np.mean(changes, axis=0)
    value, z = (pair_metrics.blanked(v, reasons) for v in (value, z))
    df = 2 * (groups - 1)
    half, z_half = (special.stdtrit(df, 0.975) * np.sqrt(v) for v in (variance, z_variance))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * special.stdtr(df, -np.abs(z / np.sqrt(z_variance)))
    if not np.isfinite(value).any():
        raise NotApplicable("; ".join(dict.fromkeys(filter(None, [*reasons.tolist(), empty]))))
    told = named.noted(reasons, empty).astype(str)
    return {
        "coherence_change": value,
        "coherence_change_low": value - half,
        "coherence_change_high": value + half,
        "coherence_change_effect": z,
        "coherence_change_effect_low": z - z_half,
        "coherence_change_effect_high": z + z_half,
        "coherence_change_p": p,
        "coherence_change_q": discoveries(p),
        "coherence_change_df": (("pair",), np.full(len(value), float(n))),
        "coords": pair_metrics.names_of(activity, kinds) | {"reason": ("pair", told), "band": list(bands)},
    }
