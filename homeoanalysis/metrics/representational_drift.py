"""How fast a code drifts from session to session, rates and tuning apart."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import intervals, observed, population_trials, representations, resampling, synthetic
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_PARTS: dict[str, Callable[[Floats], representations.Moments]] = {
    "": representations.vector_moments,
    "_rate": representations.rate_moments,
    "_tuning": representations.tuning_moments,
}
_FEWEST = 4  # units in two sessions
_SESSIONS, _UNITS, _STIMULI, _TRIALS = ["1", "2", "3", "4"], 40, 4, 80
_RATE, _TUNING = 0.95, 0.8  # correlations from one session to the next
_SPREADS = 4.0, 3.5


def _truth(rng: np.random.Generator) -> Truth:
    """40 Poisson units whose rates (spread 4) and tuning (spread 3.5) follow autoregressive processes over four sessions."""
    rate = _autoregressive(_RATE, (1, _UNITS), rng)
    tuning = _autoregressive(_TUNING, (_STIMULI, _UNITS), rng)
    tuning = (tuning - tuning.mean(axis=1, keepdims=True)) * np.sqrt(_STIMULI / (_STIMULI - 1))
    mean = np.maximum(20 + _SPREADS[0] * rate + _SPREADS[1] * tuning, 0)
    n = _STIMULI * _TRIALS
    label = np.concatenate([rng.permutation(np.arange(n) % _STIMULI) for _ in _SESSIONS])
    count = rng.poisson(mean[np.repeat(np.arange(len(_SESSIONS)), n), label])
    step = 0.128 * n
    made = synthetic.counted(count, [f"stimulus {k}" for k in label], rng)
    one = synthetic.with_epochs(made, np.linspace(0, step * len(_SESSIONS), len(_SESSIONS) + 1), _SESSIONS)
    lag = np.array([j - i for i, j in itertools.combinations(range(len(_SESSIONS)), 2)], float)
    shares = np.square(_SPREADS) / np.sum(np.square(_SPREADS))
    correlation = shares @ np.array([_RATE**lag, _TUNING**lag])
    parts = {"rate": -np.log(_RATE) / step, "tuning": -np.log(_TUNING) / step}
    return Truth(one, float(_slope(correlation, step * lag)[0]), {"end": 0.1, "sessions": _SESSIONS}, parts)


def _autoregressive(kept: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """(session, ...): Gaussian, stationary, of unit variance."""
    found = rng.normal(size=(len(_SESSIONS), *shape))
    for k in range(1, len(found)):
        found[k] = kept * found[k - 1] + np.sqrt(1 - kept**2) * found[k]
    return found


@metric(
    units="Hz",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "high": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "rate": Companion("Hz", "The same of mean responses over stimuli: drift of rates"),
        "rate_low": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "rate_high": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "tuning": Companion("Hz", "The same of responses less their unit's mean: drift of tuning"),
        "tuning_low": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "tuning_high": Companion("Hz", "95 % interval over units of this replicate (BCa bootstrap)"),
        "fast": Companion(
            "1", "Correlation at no distance: what is less than 1 changes from one session to any other", (0, np.inf)
        ),
        "correlation": Companion(
            "1", "Correlation of mean responses, corrected for their reliability, mean of pairs of sessions"
        ),
        "units": Companion("1", "Units of the first session", (0, np.inf)),
        "survival": Companion("1", "Part of the units of the first session that are in the last", (0, 1)),
    },
    source="- d ln C / d lag, C the correlation of mean responses of two sessions as in population_vector_correlation; least "
    "squares over pairs of sessions, weights C^2; rate and tuning apart: Deitch et al. 2021, doi:10.1016/j.cub.2021.07.062",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shuffled_trials,
    not_inside=intervals.NOT_INSIDE,
    null=surrogate_of(_truth, resampling.shuffled_trials, 0.0),
)
def representational_drift(
    activity: xr.Dataset, *, sessions: Annotated[list[str], Field(min_length=3)], begin: Second = 0.0, end: Second
) -> Mapping[str, Any]:
    """Rate at which the code drifts over sessions.

    activity: activity/1 with trials of the same two stimuli or more in three epochs or more, and spikes or counts in bins of
    trials. sessions: the names of these epochs. begin, end: [s], of the window, after the start of each trial.
    Returns a scalar [Hz], as a decay of exp(-value lag) over the time between the middles of sessions; 0 without drift. Two
    sessions are compared by the units that both have. NaN where fewer than two lags have a correlation above 0, with fewer than
    4 units or 4 trials of a stimulus in a session, or other stimuli in one. To be held against that of epochs without a
    perturbation.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    for label in sessions:
        observed.epoch(activity, label)
    found = population_trials.in_epochs(activity, begin, end)
    spans = observed.epochs(activity)
    ordered = sorted(sessions, key=lambda label: sum(spans[label]))
    each = [found[label] for label in ordered]
    middle = np.array([sum(spans[label]) / 2 for label in ordered])
    pairs = np.array(list(itertools.combinations(range(len(each)), 2)))
    lag = middle[pairs[:, 1]] - middle[pairs[:, 0]]
    lags, nth = np.unique(np.round(lag, 6), return_inverse=True)
    first, last = (set(one.unit.tolist()) for one in (each[0], each[-1]))
    values: dict[str, Any] = {f"{part}{side}": np.nan for part in _PARTS for side in ("", "_low", "_high")}
    values |= {"_fast": np.nan, "_correlation": (("lag",), np.full(lags.size, np.nan)), "_units": float(len(first))}
    values["_survival"] = len(first & last) / len(first) if first else np.nan
    if all(population_trials.are_alike(each[0], one) for one in each[1:]):
        columns = _columns(each, pairs)
        shared = columns.reshape(len(columns), len(pairs), -1)[..., -1].sum(axis=0)
        if shared.min() >= _FEWEST:
            for part, moments in _PARTS.items():
                statistic = partial(_drift, moments=moments, lag=lag)
                values[part] = float(statistic(columns.mean(axis=0)))
                low, high = intervals.bca_interval(columns, statistic) if np.isfinite(values[part]) else (np.nan, np.nan)
                values |= {f"{part}_low": low, f"{part}_high": high}
            of_pairs = _correlations(columns.mean(axis=0), representations.vector_moments, len(pairs))
            values["_fast"] = float(np.exp(_slope(of_pairs, lag)[1]))
            values["_correlation"] = (("lag",), np.bincount(nth, of_pairs) / np.bincount(nth))
    named = {f"representational_drift{key}": value for key, value in values.items()}
    return named | {"coords": {"lag": ("lag", lags, {"units": "s"})}}


def _columns(each: Sequence[population_trials.Population], pairs: NDArray[np.intp]) -> Floats:
    """(unit, pair x (columns of `drift_columns`, 1)): 0 where a unit is not in both sessions of the pair."""
    every = np.unique(np.concatenate([one.unit for one in each]))
    means = [representations.means(one.spikes.sum(axis=2).astype(float), one.stimulus) for one in each]
    found = np.zeros((every.size, len(pairs), 9))
    for p, (i, j) in enumerate(pairs):
        both = np.intersect1d(each[i].unit, each[j].unit)
        if both.size:
            two = [tuple(x[:, np.isin(each[k].unit, both)] for x in means[k]) for k in (i, j)]
            found[np.isin(every, both), p, :8] = representations.drift_columns(*two)
            found[np.isin(every, both), p, 8] = 1.0
    return found.reshape(every.size, -1)


def _correlations(column: Floats, moments: Callable[[Floats], representations.Moments], pairs: int) -> Floats:
    """(..., pair), of means over units."""
    parts = column.reshape(*column.shape[:-1], pairs, 9)
    with np.errstate(invalid="ignore", divide="ignore"):
        return representations.correlation(moments(parts[..., :8] / parts[..., 8:]))


def _drift(column: Floats, *, moments: Callable[[Floats], representations.Moments], lag: Floats) -> Floats:
    return _slope(_correlations(column, moments, lag.size), lag)[0]


def _slope(correlation: Floats, lag: Floats) -> tuple[Floats, Floats]:
    """(...): the drift, and ln C at no lag, of correlations (..., pair); a logarithm's error is that of C over C."""
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.nan_to_num(correlation) > 0
        weight = np.where(kept, correlation, 0.0) ** 2
        weight /= weight.sum(axis=-1, keepdims=True)
        log = np.log(np.where(kept, correlation, 1.0))
        at = (weight * lag).sum(axis=-1, keepdims=True)
        level = (weight * log).sum(axis=-1, keepdims=True)
        square = (weight * (lag - at) ** 2).sum(axis=-1)
        slope = (weight * (lag - at) * (log - level)).sum(axis=-1) / np.where(square > 0, square, np.nan)
        return -slope, level[..., 0] - slope * at[..., 0]
