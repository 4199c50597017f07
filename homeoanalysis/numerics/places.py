"""Where an animal is, told from the counts of units in windows of time."""

import itertools
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]
_FOLDS = 5


class Windows(NamedTuple):
    """spikes (window, unit), place (window, coordinate) in the unit of the covariate, speed (window) [that per s]."""

    spikes: Floats
    place: Floats
    speed: Floats


def windows(activity: xr.Dataset, length: float, span: tuple[float, float]) -> Windows:
    """Windows of `length` [s] laid from the start of each observed stretch of the span, in which the place is known throughout.

    The place is the mean of the samples of the window, the speed that from its first to its last sample. Units count that were
    isolated throughout. Raises NotApplicable without spikes or a covariate.
    """
    if "covariate" not in activity:
        raise NotApplicable("no stimulus: the place is a covariate")
    observed.need_spikes(activity)
    part = observed.restrict(activity, np.array([span[0]]), np.array([span[1]]))
    trains = [t for t, seen in zip(observed.spike_trains(part), observed.isolated(part), strict=True) if seen.all()]
    samples, rate = part.covariate.values, float(part.covariate.attrs["sampling_rate"])
    counts, places, speeds = [], [], []
    for k, (start, stop) in enumerate(zip(*observed.segments(part), strict=True)):
        n = observed.n_whole(stop - start, length)
        begin = start + length * np.arange(n)
        first, number = int(part.covariate_first_sample[k]), int(part.covariate_sample_count[k])
        edges = np.ceil((begin - float(part.covariate_t_start[k])) * rate - observed.EDGE).astype(np.int64)
        last = np.minimum(edges + max(int(length * rate + observed.EDGE), 1), number) - 1
        kept = (edges >= 0) & (last > edges)
        x = samples[:, first : first + number]
        a, b = edges[kept], last[kept]
        # From a to b and from b to the next a, in turn; the sum is NaN where one sample is.
        ends = np.stack([a, b + 1], axis=1).ravel()
        total = np.add.reduceat(np.pad(x, ((0, 0), (0, 1))), ends, axis=1)[:, ::2] if a.size else x[:, :0]
        places.append((total / (b + 1 - a)).T)
        speeds.append(np.linalg.norm(x[:, b] - x[:, a], axis=0) * rate / (b - a))
        counts.append(np.array([observed.binned_counts(t, start, n, length) for t in trains]).reshape(len(trains), n).T[kept])
    count = np.concatenate(counts)
    place, speed = np.concatenate(places), np.concatenate(speeds)
    known = np.isfinite(place).all(axis=1) & np.isfinite(speed)
    return Windows(count[known].astype(float), place[known], speed[known])


class Grid(NamedTuple):
    """bin (window): number of the visited bin of the place; centre (bin, coordinate)."""

    bin: NDArray[np.intp]
    centre: Floats


def grid(place: Floats, bins: int) -> Grid:
    """Square bins, `bins` along the longest side of what was visited."""
    low, high = place.min(axis=0), place.max(axis=0)
    size = float((high - low).max()) / bins
    index = np.minimum(np.floor((place - low) / size + observed.EDGE), bins - 1)
    visited, number = np.unique(index, axis=0, return_inverse=True)
    return Grid(number.ravel(), low + (visited + 0.5) * size)


class Decoder:
    """Decodes the place of windows; a fifth of them, one after the other, is told from the others.

    The likeliest of all visited bins, of independent Poisson counts; each bin has one window of the unit's mean rate more, so
    that no rate is 0. Source: Zhang et al. 1998, doi:10.1152/jn.1998.79.2.1017, with a flat prior.
    """

    def __init__(self, place: Floats, where: Grid) -> None:
        """What all counts have in common in these windows."""
        n, n_bins = len(place), len(where.centre)
        edge = -(-n * np.arange(_FOLDS + 1) // _FOLDS)
        self.place, self.centre = place, where.centre
        self.parts = [slice(a, b) for a, b in itertools.pairwise(edge)]
        self.fold = np.repeat(np.arange(_FOLDS), np.diff(edge))
        self.shown = [(where.bin[part] == np.arange(n_bins)[:, None]).astype(float) for part in self.parts]
        time = np.array([shown.sum(axis=1) for shown in self.shown])
        self.time = time.sum(axis=0) - time  # (fold, bin), in which the fold's decoder learns
        self.unknown = np.where(self.time == 0, np.inf, 0.0)

    def errors(self, count: Floats) -> Floats:
        """Distance of the decoded from the true place (window), of counts (window, unit)."""
        each = [count[part] for part in self.parts]
        spikes = np.stack([shown @ mine for shown, mine in zip(self.shown, each, strict=True)])
        spikes = spikes.sum(axis=0) - spikes
        mean = spikes.sum(axis=1, keepdims=True) / self.time.sum(axis=1)[:, None, None]
        rate = (spikes + mean) / (self.time + 1)[..., None]
        silence = rate.sum(axis=2) + self.unknown
        log = np.log(rate, out=np.zeros_like(rate), where=rate > 0)  # a unit that is silent where it is learnt tells nothing
        likely = np.concatenate([mine @ of_fold.T for mine, of_fold in zip(each, log, strict=True)]) - silence[self.fold]
        told = self.centre[np.argmax(likely, axis=1)]
        return np.asarray(np.sqrt(((told - self.place) ** 2).sum(axis=1)))
