"""Whether the mean of some subjects, or what two groups of them differ by or their ratio, lies beyond a margin."""

from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import correlated_ratio_interval, difference_interval, mean_interval, ratio_interval
from homeoanalysis.numerics.summaries import MINIMUM

Floats = NDArray[np.float64]
Ends = tuple[float, float]
NONE = (np.nan, np.nan)


class Sample(NamedTuple):
    """The subjects behind a quantity."""

    first: Floats
    second: Floats  # what is taken from the first, or what it is divided by; of the same subjects in the same order if is_paired
    is_ratio: bool = False
    is_paired: bool = False
    is_share: bool = False  # each of the first says yes (1) or no (0), and there is no second

    @property
    def is_alone(self) -> bool:
        """Whether the quantity is the mean of one group."""
        return self.second.size == 0

    @property
    def n(self) -> int:
        """The fewest subjects of a group."""
        return self.first.size if self.is_alone else min(self.first.size, self.second.size)

    def interval(self) -> Ends:
        """95 %: t, Welch's or Fieller's; of a share the exact one. NaN below 4 subjects.

        Source: Clopper & Pearson 1934, doi:10.2307/2331986; the others: see `numerics.intervals`.
        """
        from scipy import special

        if self.n < MINIMUM:
            return NONE
        if self.is_share:
            n, yes = self.first.size, int(self.first.sum())
            low = special.betaincinv(yes, n - yes + 1, 0.025) if yes else 0.0
            return float(low), float(special.betaincinv(yes + 1, n - yes, 0.975) if yes < n else 1.0)
        if self.is_alone or (self.is_paired and not self.is_ratio):
            return mean_interval(self.first if self.is_alone else self.first - self.second)
        if self.is_paired:
            covariance = np.cov(self.second, self.first) / self.n
            under = float(self.second.mean()), float(covariance[0, 0])
            above = float(self.first.mean()), float(covariance[1, 1])
            return correlated_ratio_interval(under, above, float(covariance[0, 1]), self.n - 1)
        first, second = ((float(v.mean()), *mean_interval(v)) for v in (self.first, self.second))
        return ratio_interval(second, first) if self.is_ratio else difference_interval(second, first)

    def p(self, at_least: float | None, at_most: float | None) -> float:
        """One-sided probability of such values if the quantity were no better than its margin; of a band the larger one (TOST).

        The exact binomial one of a share, else that of t or Welch's t; a ratio r is beyond a margin m where first - m second is
        beyond 0, as in Fieller's interval. It is not below that of as many coins that fall alike (of two groups: of all ways to
        deal their members), so that subjects without any spread prove no more than their number does. NaN below 4 subjects.
        Source: Schuirmann 1987, doi:10.1007/BF01068419 (TOST); Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.
        """
        sides = [(margin, side) for margin, side in ((at_least, 1.0), (at_most, -1.0)) if margin is not None]
        if self.n < MINIMUM or not sides:
            return np.nan
        return max(self._beyond(margin, side) for margin, side in sides)

    def _beyond(self, margin: float, side: float) -> float:
        """If it were at the margin; side: 1, the quantity is to be above it, -1, below."""
        from scipy import special

        if self.is_share:
            n, yes = self.first.size, int(self.first.sum())
            if not 0 < margin < 1:
                return 0.5**n if side * (yes / n - margin) > 0 else 1.0
            return float(special.bdtrc(yes - 1, n, margin) if side > 0 else special.bdtr(yes, n, margin))
        factor = margin if self.is_ratio else 1.0
        away = 0.0 if self.is_ratio else margin
        if self.is_ratio and self.second.mean() < 0:
            side = -side
        if self.is_alone or self.is_paired:
            values = self.first if self.is_alone else self.first - factor * self.second
            distance, error, df = values.mean() - away, values.std(ddof=1) / np.sqrt(values.size), values.size - 1.0
            least = 0.5**values.size
        else:
            parts = np.array([v.var(ddof=1) * f**2 / v.size for v, f in ((self.first, 1.0), (self.second, factor))])
            distance, error = self.first.mean() - factor * self.second.mean() - away, float(np.sqrt(parts.sum()))
            sizes = np.array([self.first.size, self.second.size])
            df = float(parts.sum() ** 2 / np.sum(parts**2 / (sizes - 1))) if error > 0 else float(sizes.sum() - 2)
            least = 1 / comb(int(sizes.sum()), int(sizes[0]))
        if not error > 0:
            return least if side * distance > 0 else 1.0
        return max(float(special.stdtr(df, -side * distance / error)), least)
