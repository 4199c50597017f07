"""Distributions of weights over time: of all synapses, in a few numbers for each time."""

from typing import NamedTuple

import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.config.record_faults import weight_unit
from homeoanalysis.units import parse

PROBABILITIES = np.array([0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0])  # of the quantiles


class Weighing(NamedTuple):
    """What is known of the weights of one projection at each time, a row for each; NaN where there is no synapse."""

    edges: np.ndarray  # (bins + 1,)
    top: float  # upper bound of the weights; NaN without one
    number: np.ndarray  # (times,) synapses
    in_bin: np.ndarray  # (times, bins) of them; the others lie below the first or above the last
    below: np.ndarray
    above: np.ndarray
    mean: np.ndarray
    sd: np.ndarray  # of all synapses, not of a sample: divided by their number
    quantile: np.ndarray  # (times, PROBABILITIES)
    at_zero: np.ndarray  # part of the synapses whose weight is 0, the lower bound of any
    at_max: np.ndarray  # part that is at `top`

    def take(self, k: int, weights: np.ndarray) -> None:
        """Write the k-th row, from the weights of all synapses in any order, which are sorted in place.

        Sums of sorted numbers are the same bits for any number of threads.
        """
        weights.sort()
        n = weights.size
        place = np.searchsorted(weights, self.edges, side="left")
        place[-1] = np.searchsorted(weights, self.edges[-1], side="right")  # the last bin is closed, as numpy.histogram's
        self.number[k], self.in_bin[k], self.below[k], self.above[k] = n, np.diff(place), place[0], n - place[-1]
        if n > 0:
            self.mean[k], self.sd[k] = weights.mean(), weights.std()
            self.quantile[k] = np.quantile(weights, PROBABILITIES)
            self.at_zero[k] = np.searchsorted(weights, 0.0, side="right") / n
            self.at_max[k] = np.nan if np.isnan(self.top) else (n - np.searchsorted(weights, self.top, side="left")) / n


def weighing(model: Model, projection: str, times: int) -> Weighing:
    """Empty rows for so many times. Bounds and edges are rounded as the weights are: one at a bound lies in the last bin."""
    wanted, p, unit = model.record.weight_distributions, model.projections[projection], weight_unit(model, projection)
    assert wanted is not None
    precision = np.dtype(model.precision)
    edges = wanted.edges(p.weight_max, unit).astype(precision).astype(float)
    top = np.nan if p.weight_max is None else float(precision.type(parse(p.weight_max, unit)))
    counts, values = np.zeros((3, times), np.int64), np.full((4, times), np.nan)
    return Weighing(
        *(edges, top, counts[0], np.zeros((times, edges.size - 1), np.int64), counts[1], counts[2]),
        *(values[0], values[1], np.full((times, PROBABILITIES.size), np.nan), values[2], values[3]),
    )
