"""Intervals of functions of epoch means over units and over time, which are crossed.

Units differ from each other, and each fluctuates by itself: the variance over units holds both.
What units share in time is not in it. It is the variance over time of the mean of the units, less
what units that fluctuate independently would give: var(units) + var(time) - var(interaction).
Source: Owen 2007, doi:10.1214/07-AOAS122; degrees of freedom: Satterthwaite 1946,
doi:10.2307/3002019.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import correlated_ratio_interval, t_quantile
from homeoanalysis.numerics.rates import Rates
from homeoanalysis.statistics.long_run_variance import (
    LEAST_BLOCKS,
    count_blocks,
    estimate_long_run,
    take_cosines,
)

Floats = NDArray[np.float64]
FEWEST_UNITS = 4


class SharedVariance(NamedTuple):
    """Variance over time that units share, of a weighted sum of the rates of units, in each epoch.

    shared: (epoch,), variance; total: (epoch,), of the sum, with what each unit has by itself; df:
    (epoch,), of Student's t. blocks: (epoch,), independent blocks of the epoch.
    """

    shared: Floats
    total: Floats
    df: Floats
    blocks: Floats


class TwoWay(NamedTuple):
    """Means over units in epochs, and how they vary over units and time.

    mean: (epoch,) [Hz]. of_units: (unit, epoch), rates [Hz]. over_time: of the mean over units.
    """

    mean: Floats
    of_units: Floats
    over_time: SharedVariance

    @property
    def independent_blocks(self) -> float:
        """Of the epoch that has fewest."""
        return float(self.over_time.blocks.min())

    @property
    def is_known(self) -> bool:
        """Whether an interval can be given.

        It needs enough independent blocks in each epoch, and enough units.
        """
        return self.independent_blocks >= LEAST_BLOCKS and len(self.of_units) >= FEWEST_UNITS

    def is_changed(self, first: int, second: int) -> bool:
        """Whether the 95 % interval of the relative difference of two epochs excludes 0.

        False below two units.
        """
        if len(self.of_units) < 2 or self.mean[first] == self.mean[second]:
            return False
        contrast = np.zeros(self.mean.size)
        contrast[[first, second]] = -1.0, 1.0
        change, gradient = self._relate(contrast, first, second)
        error, df = self._measure_error(gradient)
        return bool(abs(change) >= t_quantile(0.95, df) * error)

    def measure_recovery(self) -> tuple[float, float]:
        """95 % interval of (third - second) / (first - second) mean: Fieller's.

        NaN where it cannot be known. Both differences are taken relative to the larger of the first
        two means, so that units of unlike rates agree.
        """
        if not self.is_known or self.mean[0] == self.mean[1]:
            return np.nan, np.nan
        gradients = np.empty((2, 3))
        below, gradients[0] = self._relate(np.array([1.0, -1.0, 0.0]), 0, 1)
        above, gradients[1] = self._relate(np.array([0.0, -1.0, 1.0]), 0, 1)
        parts = self._list_parts(gradients)
        n = len(self.of_units)
        covariance = (
            n / (n - 1) * parts.T @ parts + (gradients * self.over_time.shared) @ gradients.T
        )
        _, df = combine_variances(
            parts @ [-above / below, 1.0],
            self.over_time,
            gradients[1] - above / below * gradients[0],
        )
        return correlated_ratio_interval(
            (below, covariance[0, 0]), (above, covariance[1, 1]), covariance[0, 1], df
        )

    def _relate(self, contrast: Floats, first: int, second: int) -> tuple[float, Floats]:
        """A contrast of the means over the larger of two of them, and its gradient (epoch,)."""
        largest = first if self.mean[first] > self.mean[second] else second
        value = float(contrast @ self.mean / self.mean[largest])
        gradient = contrast / self.mean[largest]
        gradient[largest] -= value / self.mean[largest]
        return value, gradient

    def _list_parts(self, gradient: Floats) -> Floats:
        """(unit, ...): what each unit adds to the error of functions with gradients (..., epoch).

        A unit draws the mean towards itself. As in the jackknife, its deviation is enlarged by its
        share of the mean.
        """
        total = self.of_units.sum(axis=0)
        share = (self.of_units / np.where(total > 0, total, 1.0)).max(
            axis=1, initial=0.0
        )  # of a silent epoch 0
        enlarged = (self.of_units - self.mean) / (1 - np.minimum(share, 0.9))[:, None]
        return np.asarray(enlarged @ gradient.T / len(self.of_units))

    def _measure_error(self, gradient: Floats) -> tuple[float, float]:
        """Standard error and degrees of freedom of a function of the means.

        gradient: (epoch,), of the function.
        """
        return combine_variances(self._list_parts(gradient), self.over_time, gradient)

    def measure_log_ratio(self, first: int, second: int) -> tuple[float, float]:
        """95 % interval of ln(second mean / first mean).

        NaN where it cannot be known, or a mean is 0.
        """
        if not self.is_known or not (self.mean[[first, second]] > 0).all():
            return np.nan, np.nan
        gradient = np.zeros(self.mean.size)
        gradient[[first, second]] = -1 / self.mean[first], 1 / self.mean[second]
        error, df = self._measure_error(gradient)
        value, width = np.log(self.mean[second] / self.mean[first]), t_quantile(0.95, df) * error
        return float(value - width), float(value + width)


def estimate_two_way(epochs: Sequence[Rates]) -> TwoWay:
    """Mean over units of the rates in each epoch, from `rates.bin_epochs`."""
    rate = np.stack([each.spikes.sum(axis=1) / each.time.sum(axis=1) for each in epochs], axis=1)
    weights = np.full(rate.shape, 1 / len(rate))
    return TwoWay(rate.mean(axis=0), rate, estimate_shared_variance(epochs, weights))


def estimate_shared_variance(epochs: Sequence[Rates], weights: Floats) -> SharedVariance:
    """Variance over time of a weighted sum of rates, as far as units share it.

    The sum is over units, of weights (unit, epoch) times rates. Slow fluctuations are those of the
    first epoch, the baseline, relative to its rate: within the others a course that recovers cannot
    be told from them. What is fast is each epoch's own. Blocks are those of the baseline.
    """
    deviation = np.stack([measure_deviation(each) for each in epochs], axis=1) * weights[..., None]
    power, alone = take_cosines(deviation.sum(axis=0)), take_cosines(deviation).sum(axis=0)
    rate = np.stack([each.spikes.sum(axis=1) / each.time.sum(axis=1) for each in epochs], axis=1)
    mean = (weights * rate).sum(axis=0)
    relative = np.divide(mean, mean[0], out=np.zeros(mean.size), where=mean[0] > 0)
    duration = np.array([each.time.max(axis=0).sum() for each in epochs])
    baseline, baseline_alone = power[None, :1], alone[None, :1]
    found = estimate_long_run(baseline, np.ones(1))
    total = found.extrapolate(baseline, power, relative, duration)
    by_itself = found.extrapolate(baseline_alone, alone, relative, duration)
    blocks = np.repeat(count_blocks(found, baseline, baseline_alone)[0], duration.size)
    return SharedVariance(
        np.maximum(total - by_itself, 0.0), total, np.repeat(found.df[0], duration.size), blocks
    )


def measure_deviation(epoch: Rates) -> Floats:
    """(unit, bin): spikes beyond those at the mean rate, over observed time [Hz].

    The rate is that of the unit. The sum over bins is 0.
    """
    seen = epoch.time.sum(axis=1, keepdims=True)
    return np.asarray(
        (epoch.spikes - epoch.spikes.sum(axis=1, keepdims=True) * epoch.time / seen) / seen
    )


def combine_variances(
    of_units: Floats, over_time: SharedVariance, contrast: Floats
) -> tuple[float, float]:
    """Standard error and degrees of freedom of a sum over units and over epochs.

    Of (unit,) parts of mean 0, and of (epoch,) weights. Units that differ much more than others
    count as fewer: the degrees of freedom are those of the kurtosis of the parts.
    """
    n = of_units.size
    squares = of_units**2
    between = n / (n - 1) * squares.sum()
    shared = contrast**2 * over_time.shared
    variance = between + shared.sum()
    if variance <= 0:
        return 0.0, float(n - 1)
    tails = (squares**2).sum()
    df_units = np.clip(3 * squares.sum() ** 2 / tails - 3, 1.0, n - 1.0) if tails > 0 else n - 1.0
    # What units have by themselves is subtracted, and its error remains.
    uncertain = (shared * contrast**2 * over_time.total / over_time.df).sum()
    return float(np.sqrt(variance)), float(variance**2 / (between**2 / df_units + uncertain))
