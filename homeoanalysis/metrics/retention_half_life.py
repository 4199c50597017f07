"""How long a memory lasts."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, performance, relaxation, synthetic
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_TRIALS, _EPOCHS, _HALF = 240, 12, 70.0
_LABELS = [f"test {k}" for k in range(_EPOCHS)]
_SLOWEST = 3.0  # observation lengths; an interval that reaches further says that the half-life is not identifiable
_BETTER = 2.0  # by how much Akaike's criterion must fall below that of a line
_KEPT = 6.0  # and by how much a level must lower it: where 2 is enough, 2 % of courses without one have the wrong half-life
_LEAST = 0.05  # of a share's distance from 0 and 1, where weights are taken from it


def _of(share: Any, rng: np.random.Generator) -> xr.Dataset:
    return synthetic.remembered({label: np.full(_TRIALS, x) for label, x in zip(_LABELS, share, strict=True)}, rng)


def _truth(rng: np.random.Generator) -> Truth:
    """95 % is remembered in the first test, and half of that 70 s later."""
    time = 0.128 * _TRIALS * np.arange(_EPOCHS)
    return Truth(_of(0.95 * 2 ** (-time / _HALF), rng), _HALF, {"end": 0.1, "epochs": _LABELS, "shown": None})


def _lost_sooner(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The labels of more and more trials are dealt anew, of all but one in 256 in the end."""
    at = activity.trial_start.values
    is_lost = rng.uniform(size=at.size) > 2 ** (-8 * (at - at.min()) / max(np.ptp(at), 1e-9))
    labels = activity.stimulus.values.copy()
    labels[is_lost] = rng.permutation(labels[is_lost])
    return activity.assign(stimulus=("trial", labels, activity.stimulus.attrs))


def _null(rng: np.random.Generator) -> Truth:
    """As much is remembered to the end: no interval may have an end, since the truth is never."""
    given = {"end": 0.1, "epochs": _LABELS, "shown": None}
    return Truth(_of(np.full(_EPOCHS, 0.7), rng), np.nan, given, conservative="what is never lost is nearly always censored")


@metric(
    units="s",
    dims=(),
    bounds=(0, np.inf),
    companions={
        "low": Companion("s", "95 % interval (profile likelihood); where censored, what it is at least", (0, np.inf)),
        "high": Companion("s", "95 % interval (profile likelihood); infinite where censored", (0, np.inf)),
        "censored": Companion("1", "1: not identifiable; the half-life is above `low`", (0, 1)),
        "kept": Companion("1", "Part of what is above chance in the first epoch that is not lost", (-np.inf, np.inf)),
        "gain": Companion("1", "Akaike's criterion of a line less that of the exponential; below 2 it is censored"),
        "course": Companion("1", "Performance above chance, over the most that it can be", (-np.inf, 1)),
        "curve": Companion("1", "The fitted course"),
    },
    source="ln 2 times the time constant of k + a exp(-t / tau), weighted least squares over epochs; k is 0 unless Akaike's "
    "criterion (corrected: Hurvich & Tsai 1989, doi:10.1093/biomet/76.2.297) falls by more than 6; censored if the interval "
    "reaches 3 observation lengths, or if a straight line is as good",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=_lost_sooner,
    null=_null,
    rejects=lambda found: found.retention_half_life_high < np.inf,
    no_worst_case="the same trials, whose labels are lost in an eighth of the time that was observed",
)
def retention_half_life(
    activity: xr.Dataset,
    *,
    epochs: Annotated[list[EpochName], Field(min_length=5)],
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    stimuli: list[str] | None = None,
    region: str | None = None,
    shown: str | None = None,
) -> Mapping[str, Any]:
    """Half-life of the performance above chance.

    activity: activity/1 with trials of two stimuli or more in the named epochs, and spikes or counts in bins of trials.
    epochs: five tests or more, the first right after learning. begin, end, bin_size, stimuli, region, shown: as in forgetting.
    Returns a scalar [s], of the time between the middles of epochs; NaN where it is not identifiable: then it is above
    `retention_half_life_low`, and `_high` is infinite. The reason is in the coordinate `reason`. Tests count in which there are
    enough trials.
    Raises NotApplicable without spikes and counts, without trials, without one of the epochs, or with fewer than five tests.
    """
    found = performance.in_epochs(activity, epochs, performance.Asked(begin, end, bin_size, stimuli, region, shown))
    spans = observed.epochs(activity)
    middle = np.array([sum(spans[label]) / 2 for label in found])
    kept = np.array([not one.reason for one in found.values()])
    if kept.sum() < 5:
        why = next(iter({one.reason for one in found.values() if one.reason}))
        raise NotApplicable(f"{kept.sum()} of {kept.size} epochs have a performance, and a half-life takes 5: {why}")
    share = np.array([one.value for one in found.values()])
    chance = np.array([one.chance for one in found.values()])
    worth = np.array([one.trials for one in found.values()])
    course = (share - chance) / (1 - chance)
    order = np.argsort(middle)
    kept = order[kept[order]]
    values, curve = _fitted(middle[kept] - middle[kept[0]], course[kept], chance[kept], worth[kept])
    whole = np.full(course.shape, np.nan)
    whole[kept] = curve
    values |= {"_course": (("time",), course), "_curve": (("time",), whole)}
    why = values.pop("why")
    coords = {"time": ("time", middle, {"units": "s"}), "reason": why}
    return {f"retention_half_life{key}": value for key, value in values.items()} | {"coords": coords}


def _fitted(time: Floats, course: Floats, chance: Floats, worth: Floats) -> tuple[dict[str, Any], Floats]:
    """The exponential, of one level or two; weights are those of shares, which a first fit gives."""
    length, n = float(time[-1]), course.size
    tau = np.geomspace(np.diff(time).min() / 4, 30 * length, 400)
    families = [relaxation.decay(time, tau), relaxation.exponential(time, tau, np.zeros(1))._replace(n_parameters=3)]
    line = relaxation.line(time)
    first = relaxation.Solver(families[0], worth).fit(course).curve
    at = np.clip(chance + (1 - chance) * first, _LEAST, 1 - _LEAST)
    weight = worth * (1 - chance) ** 2 / (at * (1 - at))
    solvers = [relaxation.Solver(family, weight) for family in (*families, line)]
    fits = [solver.fit(course) for solver in solvers]
    one, two, straight = (_akaike(fit, n, solver.family.n_parameters) for solver, fit in zip(solvers, fits, strict=True))
    k = int(one - two > _KEPT)
    df = n - solvers[k].family.n_parameters
    low, high = relaxation.profile_interval(solvers[k].family.tau, solvers[k].squares(course), df, t_quantile(0.95, df) ** 2)
    gain = straight - min(one, two)
    why = "a straight line is as good" if gain < _BETTER else ""
    why = why or ("the interval reaches 3 observation lengths" if high > _SLOWEST * length else "")
    lost = fits[k].curve[0] - fits[k].curve[-1]
    why = why or ("what is told does not become less" if lost <= 0 else "")
    return {
        "": np.nan if why else np.log(2) * fits[k].tau,
        "_low": np.log(2) * (min(low, length) if why else low),
        "_high": np.inf if why else np.log(2) * high,
        "_censored": float(bool(why)),
        "_kept": float(fits[k].levels[0] / fits[k].curve[0]) if k else 0.0,
        "_gain": gain,
        "why": why,
    }, fits[k].curve


def _akaike(fit: relaxation.Fit, n: int, n_parameters: int) -> float:
    """Akaike's criterion, corrected for few epochs; infinite where too few are left."""
    left = n - n_parameters - 2
    correction = 2 * (n_parameters + 1) * (n_parameters + 2) / left if left > 0 else np.inf
    return relaxation.akaike(fit.squares, n, n_parameters) + correction
