"""How the coherence of pairs changes from one epoch to another, at equal degrees of freedom and equal rate."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
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


def _add_untuned(activity: xr.Dataset, spans: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> xr.Dataset:
    """Each unit with spikes at random times added in the epoch in which it fires less, so that its rates are equal."""
    count, time = observed.counts(activity, list(spans))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = count / time
    missing = np.nan_to_num(np.round((rate.max(axis=1, keepdims=True) - rate) * time), posinf=0).astype(int)
    start, stop = observed.segments(activity)
    isolated = observed.isolated(activity)
    trains = observed.spike_trains(activity)
    for e, span in enumerate(spans.values()):
        a, b = observed.overlap(start, stop, *(np.array([edge]) for edge in span))
        segment = np.searchsorted(start, a, side="right") - 1
        for u in np.flatnonzero(missing[:, e] > 0):
            length = (b - a) * isolated[u, segment]
            end = np.cumsum(length)
            place = rng.uniform(0, end[-1], missing[u, e])
            k = np.minimum(np.searchsorted(end, place, side="right"), end.size - 1)
            trains[u] = np.sort(np.concatenate([trains[u], b[k] - (end[k] - place)]))
    times = xr.Variable("spike", np.concatenate(trains), activity.variables["spike_time"].attrs)
    return observed.with_spikes(activity, times, np.array([t.size for t in trains], np.int64))


def _changed_rates(activity: xr.Dataset, spans: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    """Of each unit whose rate changes by more than two standard errors of a Poisson count, by how much."""
    count, time = observed.counts(activity, list(spans))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (count[:, 1] / time[:, 1]) / (count[:, 0] / time[:, 0])
        is_changed = np.abs(np.log(ratio)) > 2 * np.sqrt((1 / count).sum(axis=1))
    names = pair_metrics.names(activity, "spikes")
    return {names[u]: f"{names[u]} fires {ratio[u]:.2g} times as much" for u in np.flatnonzero(is_changed)}


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
        "p": Companion("1", "Probability of an effect as large where the modulation of the spikes follows their rate", (0, 1)),
        "q": Companion("1", "False discovery rate over pairs and bands at which it is found", (0, 1)),
        "untuned_effect": Companion("1", "Effect size q where untuned spikes make the rates equal; NaN without `equal_rate`"),
        "beyond_rate_p": Companion("1", "The same where rates change in proportion, by untuned spikes or a threshold", (0, 1)),
        "df": Companion("1", "Independent estimates L in each of the epochs", (1, np.inf)),
    },
    source="difference of the coherence less its bias, averaged over the band; effect size: that of correlations, Cohen "
    "1988, Statistical Power Analysis, section 4.2, which no number of pieces changes; its test: Bokil et al. 2007, "
    "doi:10.1162/neco.2007.19.9.2271, with jackknife variances; rates made equal by thinning, since the coherence of spikes "
    "falls with their rate; beyond_rate_p: the larger p of thinning and of adding untuned spikes, 1 where their signs differ",
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
    epoch: EpochName = "recovery",
    reference: EpochName = "baseline",
    equal_rate: bool = True,
    thinnings: Annotated[int, Field(ge=1, le=1000)] = 20,
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Change of coherence from the epoch `reference` to the epoch `epoch`, in bands.

    activity: activity/1 with what `between` names, and both epochs; the other parameters are those
    of `band_coherence`. equal_rate: thin the spikes of each unit in the epoch in which it fires
    more, `thinnings` times over.
    At equal rate `p` rules out a change of the rate in proportion: the modulation of the spikes
    changes as their mean. It does not rule out untuned spikes, which raise the mean alone, or a
    moved threshold, which lies between both. So the spikes are also made equal by untuned (Poisson)
    ones, added in the epoch in which the unit fires less. `beyond_rate_p` is the larger p of both
    corrections, or 1 where their signs differ: it rules out all three. `reason` says which units
    change their rate. Both epochs are cut to the number of pieces of the shorter one.
    Returns (pair, band), [1]; NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `between` names, one of the epochs, or 8 independent estimates
    in each.
    """
    from scipy import special

    kinds = recorded_kind(activity, between[0]), recorded_kind(activity, between[1])
    spans = {label: observed.epoch(activity, label) for label in (reference, epoch)}
    n_tapers = int(2 * time_half_bandwidth) - 1

    def compare(alike: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.object_], str, int, int]:
        """Change, effect (with variances: (4, pair, band)), reasons, empty bands, L and groups of one pair of epochs."""
        parts = [Pieces(alike, kinds, segment=segment, bin_size=bin_size, span=span) for span in spans.values()]
        fewest = min(p.kept.size for p in parts)
        cs.enough(fewest * n_tapers)
        found: list[tuple[NDArray[np.float64], ...]] = []
        reasons = np.zeros(0, object)
        for pieces in parts:
            _truncated(pieces, fewest)
            pairs = cs.all_pairs(pieces, kinds)
            why = pair_metrics.pair_reasons(pieces, pairs)
            reasons = why if not found else np.where(reasons == "", why, reasons)
            spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
            inside, empty = named.members(spectra.frequency, bands)
            less = cs.count_estimates(spectra)

            def mean(part: cs.Sums, inside: NDArray[np.bool_] = inside, less: NDArray[np.float64] = less) -> Any:
                return named.averaged(multitaper.subtract_bias(cs.squared(part), less), inside)

            def stable(part: cs.Sums, inside: NDArray[np.bool_] = inside) -> Any:
                return cs.stabilise_variance(named.averaged(cs.squared(part), inside))

            found.append((*cs.jackknife(spectra, mean, is_joint=True), *cs.jackknife(spectra, stable)))
        (a, a_error, za, za_error), (b, b_error, zb, zb_error) = found
        change = np.stack([b - a, a_error**2 + b_error**2, zb - za, za_error**2 + zb_error**2])
        return change, reasons, empty, spectra.n, spectra.weight.size

    is_thinned = equal_rate and "spikes" in kinds
    draws = thinnings if is_thinned else 1
    first = compare(_equal_rate(activity, spans, rng_for(0, "thinning", 0)) if is_thinned else activity)
    changes, (_, reasons, empty, n, groups) = [first[0]], first
    for draw in range(1, draws):
        changes.append(compare(_equal_rate(activity, spans, rng_for(0, "thinning", draw)))[0])
    value, variance, z, z_variance = np.mean(changes, axis=0)
    value, z = (pair_metrics.blanked(v, reasons) for v in (value, z))
    df = 2 * (groups - 1)
    half, z_half = (special.stdtrit(df, 0.975) * np.sqrt(v) for v in (variance, z_variance))

    def probability(effect: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * special.stdtr(df, -np.abs(effect / np.sqrt(variance))))

    p = probability(z, z_variance)
    if not np.isfinite(value).any():
        raise NotApplicable("; ".join(dict.fromkeys(filter(None, [*reasons.tolist(), empty]))))
    coordinates = pair_metrics.names_of(activity, kinds)
    notes = _changed_rates(activity, spans) if "spikes" in kinds else {}

    @functools.cache
    def with_untuned() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The effect with untuned spikes, and the larger p of both corrections."""
        if not is_thinned:
            return np.full(z.shape, np.nan), np.full(z.shape, np.nan) if notes else p
        alike = (_add_untuned(activity, spans, rng_for(0, "untuned", draw)) for draw in range(draws))
        _, _, effect, its_variance = np.mean([compare(one)[0] for one in alike], axis=0)
        effect = pair_metrics.blanked(effect, reasons)
        larger = np.fmax(p, probability(effect, its_variance))
        return effect, np.where(np.isnan(p), np.nan, np.where(effect * z > 0, larger, 1.0))

    told = named.noted(reasons, empty)
    for k, names in enumerate(zip(*(coordinates[f"channel_{side}"][1] for side in "ab"), strict=True)):
        mine = [notes[name] for name, kind in zip(names, kinds, strict=True) if kind == "spikes" and name in notes]
        if mine and not reasons[k]:
            words = "; ".join(mine) + ": p does not rule out untuned spikes or a moved threshold, beyond_rate_p does"
            told[k] = "; ".join(filter(None, (told[k], words if is_thinned else "; ".join(mine) + ", and rates are not equal")))
    return {
        "coherence_change": value,
        "coherence_change_low": value - half,
        "coherence_change_high": value + half,
        "coherence_change_effect": z,
        "coherence_change_effect_low": z - z_half,
        "coherence_change_effect_high": z + z_half,
        "coherence_change_p": p,
        "coherence_change_q": discoveries(p),
        "coherence_change_untuned_effect": lambda: with_untuned()[0],
        "coherence_change_beyond_rate_p": lambda: with_untuned()[1],
        "coherence_change_df": (("pair",), np.full(len(value), float(n))),
        "coords": coordinates | {"reason": ("pair", told.astype(str)), "band": list(bands)},
    }
