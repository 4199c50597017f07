"""Regression of a rate course whose noise fluctuates slowly.

The noise is that of counts, plus Ornstein-Uhlenbeck or 1/f noise. The rate in bin i is f(i) (1 +
g(i)) + e(i). The curve f is linear in its levels; g is a stationary Gaussian process, and e is
counting noise of variance phi f(i) / observed time. What is not known of the noise is a grid: the
correlation function of g, and its variance over that of e. One eigendecomposition per correlation
function serves every variance and every curve.
"""

import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_RATIOS = np.concatenate(
    [[0.0], 10 ** np.arange(-2.0, 5.1, 0.5)]
)  # variance of g over that of e, mean over bins
_PER_OCTAVE, _PER_DECADE = (
    1,
    3,
)  # time constants of the Ornstein-Uhlenbeck processes, and of the components of 1/f noise
_LONGEST = 2.0  # time constant over the span of the bins
_LONGEST_COMPONENT = 10.0  # the same, of 1/f noise
_LEAST_WEIGHT = 1e-5  # posterior probability of a noise that counts


def average_correlation(time: Floats, tau: float, width: float) -> Floats:
    """Correlation (bin, bin) of the means over bins of an Ornstein-Uhlenbeck process.

    time: middles of the bins [s]; tau: time constant of the process [s]; width: of the bins [s].
    Returns the covariance for a process of variance 1, so the diagonal is below 1.
    """
    lag, x = np.abs(time[:, None] - time), width / tau
    apart = np.exp(-np.maximum(lag - width, 0) / tau) * (-np.expm1(-x) / x) ** 2
    return np.where(lag < width / 2, 2 * (x + np.expm1(-x)) / x**2, apart)


def correlate_one_over_f(time: Floats, width: float) -> Floats:
    """Correlation (bin, bin) of noise with a 1/f spectrum.

    It is a sum of Ornstein-Uhlenbeck processes of equal variance. Their time constants are
    equidistant in the logarithm, from half a bin to ten times the span of the bins.
    Source: van der Ziel 1950, doi:10.1016/0031-8914(50)90078-4.
    """
    first, last = width / 2, _LONGEST_COMPONENT * (np.ptp(time) + width)
    components = np.geomspace(first, last, round(_PER_DECADE * np.log10(last / first)) + 1)
    return np.asarray(
        np.mean([average_correlation(time, tau, width) for tau in components], axis=0)
    )


class Fits(NamedTuple):
    """Generalised least squares of every curve under every noise."""

    squares: Floats  # (noise, curve): weighted sum of squared residuals
    log_likelihood: Floats  # (noise, curve): maximum over the levels and the size of the noise


class Levels(NamedTuple):
    """Generalised least squares of one curve under every noise."""

    levels: Floats  # (noise, level)
    covariance: Floats  # (noise, level, level), over the size of the noise
    log_information: Floats  # (noise): ln |X' V^-1 X|


class CorrelatedNoise:
    """The noise of one course, on a grid of noise models.

    time: middles of the bins [s]; width: of the bins [s]; expected: the rate around which the
    counts vary [Hz]; observed: unit-seconds that were observed in each bin.
    """

    def __init__(self, time: Floats, width: float, expected: Floats, observed: Floats) -> None:
        self.root = np.sqrt(
            observed / expected
        )  # one over the standard deviation of counting noise
        longest = _LONGEST * (np.ptp(time) + width)
        taus = np.geomspace(width, longest, round(_PER_OCTAVE * np.log2(longest / width)) + 1)
        correlations = [average_correlation(time, tau, width) for tau in taus]
        correlations.append(correlate_one_over_f(time, width))
        scale = expected * self.root
        scale /= np.sqrt(np.mean(scale**2))
        self.axes, weights = [], []
        for correlation in correlations:
            value, axes = np.linalg.eigh(scale[:, None] * correlation * scale)
            self.axes.append(axes.T * self.root)
            weights.append(1 / (1 + _RATIOS[:, None] * np.maximum(value, 0)))
        self.weight = np.stack(weights)  # (correlation, ratio, axis)
        self.log_determinant = -np.log(self.weight).sum(axis=-1)
        self.prior = np.full(self.weight.shape[:2], 0.5 / taus.size)
        self.prior[-1] = 0.5
        self.prior /= self.prior.sum()

    def fit(self, rate: Floats, common: Floats, shapes: Floats) -> Fits:
        """Every curve under every noise.

        rate: (bin) [Hz]; common: (bin, level), columns of all curves; shapes: (shape, bin, curve),
        one or two more.
        """
        squares = np.stack([self._squares(k, rate, common, shapes) for k in range(len(self.axes))])
        n = rate.size
        likelihood = -0.5 * (self.log_determinant[..., None] + n * np.log(squares / n))
        return Fits(
            squares.reshape(-1, squares.shape[-1]), likelihood.reshape(-1, squares.shape[-1])
        )

    def _squares(self, k: int, rate: Floats, common: Floats, shapes: Floats) -> Floats:
        """(ratio, curve), by the normal equations of the rotated columns.

        The common columns are projected out first.
        """
        weight, axes = self.weight[k], self.axes[k]
        y, c = axes @ rate, axes @ common
        xs = [axes @ shape for shape in shapes]
        q = (
            np.linalg.qr(np.sqrt(weight)[..., None] * c)[0] * np.sqrt(weight)[..., None]
        )  # (ratio, axis, level)
        y_q = y @ q  # (ratio, level)

        def cross(a: Floats, b: Floats) -> Floats:
            """(ratio, curve): of two columns, less what the common ones hold."""
            return weight @ (a * b) - ((q.transpose(0, 2, 1) @ a) * (q.transpose(0, 2, 1) @ b)).sum(
                axis=1
            )

        y_y = (weight @ y**2 - (y_q**2).sum(axis=-1))[:, None]
        moments = [
            weight * y @ x - (y_q[:, :, None] * (q.transpose(0, 2, 1) @ x)).sum(axis=1) for x in xs
        ]
        if len(xs) == 1:
            gain = moments[0] ** 2 / cross(xs[0], xs[0])
        else:
            a, b, ab = cross(xs[0], xs[0]), cross(xs[1], xs[1]), cross(*xs)
            gain = (
                b * moments[0] ** 2 - 2 * ab * moments[0] * moments[1] + a * moments[1] ** 2
            ) / (a * b - ab**2)
        return np.maximum(y_y - np.where(np.isfinite(gain), gain, 0.0), 1e-12 * y_y)

    def solve(self, rate: Floats, columns: Floats) -> Levels:
        """Levels of one curve under every noise: rate (bin) [Hz], columns (bin, level)."""
        x = np.stack([axes @ columns for axes in self.axes])  # (correlation, axis, level)
        y = np.stack([axes @ rate for axes in self.axes])
        weighted = np.swapaxes(self.weight[..., None] * x[:, None], -1, -2)
        information = weighted @ x[:, None]
        covariance = np.linalg.pinv(information, hermitian=True)
        levels = (covariance @ (weighted @ y[:, None, :, None]))[..., 0]
        n = columns.shape[1]
        determinant = np.linalg.slogdet(information)[1] if n else np.zeros(self.weight.shape[:2])
        flat = np.asarray(covariance, dtype=np.float64).reshape(-1, n, n)
        return Levels(levels.reshape(-1, n), flat, determinant.ravel())

    def keep(self, weight: Floats, least: float) -> "CorrelatedNoise":
        """The same noise without the correlations that hardly count.

        weight: (noise), posterior. A correlation counts with more than the part `least` of it.
        """
        kept = np.flatnonzero(weight.reshape(self.weight.shape[:2]).sum(axis=1) > least)
        noise = copy.copy(self)
        noise.axes = [self.axes[k] for k in kept]
        noise.weight, noise.log_determinant, noise.prior = (
            values[kept] for values in (self.weight, self.log_determinant, self.prior)
        )
        return noise

    def weigh(self, fits: Fits, levels: Levels) -> Floats:
        """(noise): posterior probability of every noise, by REML.

        The prior is uniform in the logarithms. levels: of the best curve, so that what they take
        from the noise is given back. The size of the noise is integrated out, prior 1 / size.
        Source: Harville 1974, doi:10.1093/biomet/61.2.383.
        """
        squares = fits.squares.min(axis=1)
        df = self.root.size - levels.levels.shape[1]
        value = -0.5 * (
            self.log_determinant.ravel() + levels.log_information + df * np.log(squares)
        )
        value += np.log(self.prior).ravel()
        weight = np.exp(value - value.max())
        return np.asarray(weight / weight.sum())


def measure_p(squares: Floats, weight: Floats, df: int) -> Floats:
    """(curve): p-value of every curve against the best, the mean over the posterior of the noise.

    squares: (noise, curve); weight: (noise), from `CorrelatedNoise.weigh`. For one noise the ratio
    of likelihoods is an F test with 1 and df degrees of freedom. The mean of p-values over the
    posterior of what else is unknown turns a test with known variance into Student's. Source: Meng
    1994, doi:10.1214/aos/1176325622.
    """
    from scipy import special

    counted = weight > _LEAST_WEIGHT
    squares = squares[counted]
    root = np.sqrt(df * np.maximum(squares / squares.min(axis=1, keepdims=True) - 1, 0))
    return np.asarray(weight[counted] @ (2 * special.stdtr(df, -root)) / weight[counted].sum())


def profile(times: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Each time of a grid once, and its least sum of squares (noise, time).

    Times rise. The least is over the curves that have the time.
    """
    values, at = np.unique(times, return_inverse=True)
    least = np.full((values.size, squares.shape[0]), np.inf)
    np.minimum.at(least, at, squares.T)
    return values, least.T


def invert_test(values: Floats, p: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of all values that are not rejected.

    It is interpolated in their logarithm; 0 or infinity where it has no end. values: in rising
    order, > 0; p: their p-values, of which one is 1 - confidence or more.
    """
    from scipy import special

    away = -special.ndtri(
        np.clip(p, 1e-300, 1) / 2
    )  # in standard deviations, nearly linear in ln value
    level = -special.ndtri((1 - confidence) / 2)
    inside = np.flatnonzero(away <= level)
    first, last = inside[0], inside[-1]

    def cross(a: int, b: int) -> float:
        return float(np.exp(np.interp(level, away[[a, b]], np.log(values[[a, b]]))))

    low = 0.0 if first == 0 else cross(first, first - 1)
    high = np.inf if last == values.size - 1 else cross(last, last + 1)
    return low, high
