"""Multitaper cross-spectra of many pairs of channels, with delete-a-group values for their intervals.

Each channel is transformed once; products are summed, over tapers and pieces, before any ratio is
taken. The sums are kept for each of some groups of pieces: leaving each group out in turn gives the
jackknife, without a second pass over the data.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import multitaper
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.pieces import Kind, Pieces
from homeoanalysis.statistics import phase_rotation as rotation

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
MINIMUM = 8  # independent estimates: fewer give no interval worth the name
_GROUPS = 32
_FEWEST = 8  # groups of whole pieces; with fewer pieces every taper of every piece is a group
_MEMORY = 400e6  # bytes of the sums over groups
_BLOCK = 48e6  # bytes of tapered pieces in one go
_LAGS = 4  # pieces over which the memory of a channel is followed


class Spectra(NamedTuple):
    """Sums over the estimates (tapers x pieces) of each group."""

    frequency: Floats
    pairs: NDArray[np.intp]  # (pair, 2) channels
    cross: Complex  # (group, frequency, pair) sum of x conj(y)
    power: Floats  # (group, frequency, channel) sum of |x|^2
    weight: Floats  # (group,) number of estimates
    segments: NDArray[np.intp]  # the first group of each set of whole pieces, which the null turns by one phase
    persistence: Complex  # (lag, frequency, channel) correlation with the piece 1, 2, ... later
    n_pieces: int

    @property
    def n(self) -> int:
        """L, the number of independent estimates."""
        return int(self.weight.sum())


class Sums(NamedTuple):
    """Sums over all estimates, or over all but those of a group, of some pairs: (..., frequency, pair)."""

    cross: Complex
    first: Floats
    second: Floats


def all_pairs(pieces: Pieces, between: tuple[Kind, Kind]) -> NDArray[np.intp]:
    """(pair, 2): every channel of the first kind with every one of the second; of one kind, each two of them once.

    Raises NotApplicable where a kind has a single channel, to be paired with itself.
    """
    a, b = (pieces.of(kind) for kind in between)
    if between[0] != between[1]:
        return np.stack([np.repeat(a, b.size), np.tile(b, a.size)], axis=1)
    if a.size < 2:
        raise NotApplicable(f"a pair needs two channels, and {between[0]} has {a.size}")
    return a[np.stack(np.triu_indices(a.size, 1), axis=1)]


def frequencies(pieces: Pieces, time_half_bandwidth: float, highest: float | None) -> tuple[Floats, NDArray[np.intp]]:
    """The frequencies of a spectrum and their indices, from W to `highest` or W below Nyquist.

    Closer to 0 and to Nyquist the estimate at f and that at -f overlap, so that they are not
    independent.
    Raises DataError beyond Nyquist, or if the pieces are too short for their tapers.
    """
    grid = pieces.grid
    length, nyquist = grid.n_bins * grid.bin_size, 0.5 / grid.bin_size
    width = time_half_bandwidth / length
    if highest is not None and highest > nyquist * (1 + 1e-9):
        raise DataError(
            f"highest is {highest:g} Hz, beyond the Nyquist frequency of {nyquist:g} Hz for bins of {grid.bin_size:g} s; "
            "lower it, or make the bins shorter if the signal is sampled finer"
        )
    every: Floats = np.fft.rfftfreq(grid.n_bins, grid.bin_size).astype(float)
    top = nyquist - width if highest is None else min(highest, nyquist - width)
    kept = np.flatnonzero((every >= width * (1 - 1e-9)) & (every <= top * (1 + 1e-9)))
    if kept.size == 0:
        raise DataError(
            f"segment {length:g} s has no frequency between its half-bandwidth of {width:g} Hz and {top:g} Hz; make it longer"
        )
    return every[kept], kept


def coefficients(
    pieces: Pieces, chosen: NDArray[np.intp], time_half_bandwidth: float, kept: NDArray[np.intp], *, is_sine: bool = False
) -> Iterator[tuple[NDArray[np.intp], Complex]]:
    """Of some pieces at a time: which, and their transforms (channel, piece, taper, frequency). Each channel once."""
    from scipy import fft  # here, since the config check need not pay; it transforms several rows at once, numpy does not

    family = multitaper.sine_tapers if is_sine else multitaper.tapers
    windows = family(pieces.grid.n_bins, time_half_bandwidth)
    per_piece = len(pieces.names) * windows.size * 16
    step = max(1, int(_BLOCK / per_piece))
    for a in range(0, chosen.size, step):
        block = chosen[a : a + step]
        values = pieces.read(block)
        with np.errstate(invalid="ignore"):  # channels that cannot be measured may hold infinities
            values = values - values.mean(axis=-1, keepdims=True)
        found = np.empty((*values.shape[:2], windows.shape[0], kept.size), complex)
        for k, window in enumerate(windows):
            found[:, :, k] = fft.rfft(values * window, axis=-1)[..., kept]
        yield block, found


def groups_of(n_pieces: int, n_tapers: int, bytes_each: float) -> tuple[NDArray[np.intp], int]:
    """The group of each estimate (piece, taper), and how many groups there are."""
    if n_pieces < _FEWEST:
        return np.arange(n_pieces * n_tapers).reshape(n_pieces, n_tapers), n_pieces * n_tapers
    n = int(min(_GROUPS, n_pieces, max(_FEWEST, _MEMORY // max(bytes_each, 1))))
    return np.repeat((np.arange(n_pieces) * n // n_pieces)[:, None], n_tapers, axis=1), n


def cross_spectra(
    pieces: Pieces,
    pairs: NDArray[np.intp],
    *,
    time_half_bandwidth: float,
    highest: float | None,
    kept: NDArray[np.intp] | None = None,
    is_sine: bool = False,
) -> Spectra:
    """The sums of all pairs and channels. kept: indices of the frequencies, by default those of `frequencies`.

    is_sine: sine tapers, where leakage matters more than independence.

    Raises NotApplicable with fewer than 8 independent estimates.
    """
    frequency, usual = frequencies(pieces, time_half_bandwidth, highest)
    if kept is None:
        kept = usual
    else:
        frequency = np.fft.rfftfreq(pieces.grid.n_bins, pieces.grid.bin_size)[kept].astype(float)
    n_tapers = int(2 * time_half_bandwidth) - 1
    chosen = pieces.kept
    enough(chosen.size * n_tapers)
    n_channels = len(pieces.names)
    bytes_each = frequency.size * (16 * len(pairs) + 8 * n_channels)
    group, n_groups = groups_of(chosen.size, n_tapers, bytes_each)
    cross = np.zeros((n_groups, frequency.size, len(pairs)), complex)
    power = np.zeros((n_groups, frequency.size, n_channels))
    left, at_left = np.unique(pairs[:, 0], return_inverse=True)
    right, at_right = np.unique(pairs[:, 1], return_inverse=True)
    memory = _Memory(pieces, len(pairs) > 0)
    done = 0
    for block, found in coefficients(pieces, chosen, time_half_bandwidth, kept, is_sine=is_sine):
        memory.add(block, found)
        mine = group[done : done + block.size].ravel()
        done += block.size
        flat = found.reshape(n_channels, mine.size, frequency.size)
        for g in range(mine[0], mine[-1] + 1):
            x = flat[:, mine == g].transpose(2, 0, 1)  # (frequency, channel, estimate)
            power[g] += np.sum(x.real**2 + x.imag**2, axis=2)
            if len(pairs):
                product = np.ascontiguousarray(x[:, left]) @ np.conj(x[:, right]).transpose(0, 2, 1)
                cross[g] += product[:, at_left, at_right]
    weight = np.bincount(group.ravel(), minlength=n_groups).astype(float)
    segments = np.arange(0, n_groups, n_tapers if chosen.size < _FEWEST else 1)
    return Spectra(frequency, pairs, cross, power, weight, segments, memory.correlation(frequency.size), chosen.size)


class _Memory:
    """How much each channel's coefficients are those of the pieces before, where one follows the other without a gap."""

    def __init__(self, pieces: Pieces, is_wanted: bool) -> None:
        self._grid = pieces.grid
        self._n_channels = len(pieces.names)
        self._lags = _LAGS if is_wanted else 0
        self._before: list[tuple[int, Complex]] = []
        self._product: list[Any] = [0.0] * self._lags
        self._power: list[Any] = [0.0] * self._lags

    def add(self, block: NDArray[np.intp], found: Complex) -> None:
        """found: (channel, piece, taper, frequency) of the pieces that come next."""
        if not self._lags:
            return
        known = np.array([k for k, _ in self._before], np.intp)
        every = np.concatenate([known, block])
        values = np.concatenate([*(v[:, None] for _, v in self._before), found], axis=1)
        start, segment = self._grid.start[every], self._grid.segment[every]
        length = self._grid.n_bins * self._grid.bin_size
        square = values.real**2 + values.imag**2
        for h in range(1, self._lags + 1):
            later = np.arange(max(h, known.size), every.size)
            gap = start[later] - start[later - h]
            later = later[(segment[later] == segment[later - h]) & (np.abs(gap - h * length) < 1e-6 * length)]
            if later.size:
                a, b = values[:, later - h], values[:, later]
                self._product[h - 1] = self._product[h - 1] + np.einsum("cptf,cptf->fc", a, np.conj(b))
                both = square[:, later - h] + square[:, later]
                self._power[h - 1] = self._power[h - 1] + both.sum(axis=(1, 2)).T / 2
        last = every.size - min(self._lags, every.size)
        self._before = [(int(every[k]), values[:, k]) for k in range(last, every.size)]

    def correlation(self, n_frequencies: int) -> Complex:
        """(lag, frequency, channel); 0 where no piece follows another, or a channel has no power."""
        shape = n_frequencies, self._n_channels
        found = np.zeros((self._lags, *shape), complex)
        for h, (product, power) in enumerate(zip(self._product, self._power, strict=True)):
            product, power = (np.broadcast_to(x, shape) for x in (product, power))
            has_power = power > 0
            found[h, has_power] = product[has_power] / power[has_power]
        return found


def describe_null(spectra: Spectra, n_fitted: int = 0) -> rotation.RotationNull:
    """The cross-spectra of the pairs (frequency, pair) if their channels were independent, with the amplitudes that they have.

    n_fitted: other channels to which both were fitted; `spectra` are of the residuals.
    """
    return rotation.describe_rotations(sum_segments(spectra), measure_inflation(spectra) * _measure_leverage(spectra, n_fitted))


def _measure_leverage(spectra: Spectra, n_fitted: int) -> Floats:
    """(frequency, pair): how much more a cross-spectrum of residuals varies than the squares of its segments say.

    A segment of m estimates and the share w of the power has the leverage h = n_fitted w / m; its
    square falls by (1 - h)^2, the variance of its part of the sum by 1 - h. For equal shares the
    ratio is L / (L - n_fitted).
    """
    cross = sum_segments(spectra)
    square = cross.real**2 + cross.imag**2
    estimates_each = np.add.reduceat(spectra.weight, spectra.segments)[:, None, None]
    leverage = np.minimum(n_fitted * _measure_shares(spectra) / estimates_each, 0.9)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sum(square / (1 - leverage), axis=0) / square.sum(axis=0))


def _measure_shares(spectra: Spectra) -> Floats:
    """(segment, frequency, pair): each segment's share of the power, mean of both channels."""
    power = np.add.reduceat(spectra.power, spectra.segments, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = power / power.sum(axis=0)
    return np.asarray((share[..., spectra.pairs[:, 0]] + share[..., spectra.pairs[:, 1]]) / 2)


def sum_segments(spectra: Spectra) -> Complex:
    """(segment, frequency, pair) sums over whole pieces."""
    is_each = spectra.segments.size == spectra.weight.size
    return spectra.cross if is_each else np.add.reduceat(spectra.cross, spectra.segments, axis=0)


def measure_inflation(spectra: Spectra) -> Floats:
    """(frequency, pair): how much more the sums of pairs vary than those of independent groups, since rhythms outlast pieces."""
    first, second = (spectra.persistence[..., spectra.pairs[:, k]] for k in (0, 1))
    noise = np.sqrt(-np.log(1e-3) / max(spectra.n, 1))  # of the correlation of white noise
    return rotation.estimate_inflation(first, second, spectra.n_pieces, spectra.segments.size, float(noise))


def count_estimates(spectra: Spectra, n_fitted: int = 0) -> Floats:
    """(frequency, pair): how many estimates of steady channels would vary as the coherency does, at least 1.

    From the jackknife variance of the complex coherency g, of which (1 - g^2)^2 + 1 - g^2 over 2 L
    is expected of L of them. A segment of the share w of the power takes part in the total from
    which it is counted. So of independent channels its square reads 1 - 2 w + sum(w^2) of what it
    is; for equal shares of n segments this is 1 - 1 / n. n_fitted: as in `describe_null`.
    """
    part, cross, share = sums(spectra), sum_segments(spectra), _measure_shares(spectra)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = cross - part.cross * share
        square = cross.real**2 + cross.imag**2
        left = 1 - 2 * np.sum(square * share, axis=0) / square.sum(axis=0) + np.sum(share**2, axis=0)
        spread = np.sum(rest.real**2 + rest.imag**2, axis=0) / (part.first * part.second) / np.maximum(left, 1e-9)
        spread = spread * measure_inflation(spectra) * _measure_leverage(spectra, n_fitted)
        free = 1 - squared(part)
        count = np.where(spread > 0, free * (1 + free) / 2 / spread, spectra.n)  # a channel with itself does not vary
        return np.maximum(count, 1.0)


def subtract_others(spectra: Spectra) -> Spectra:
    """Each pair as two channels of their own, less what all the other channels explain; `spectra` has all pairs of some channels.

    With S the spectral matrix, G its inverse and A the pair, the residuals are inv(G_AA) G_A times
    the channels; the spectral matrix of the residuals is inv(G_AA). Not defined (NaN) where a
    channel has no power. Their memory is taken as that of the channels.
    """
    used, at = np.unique(spectra.pairs, return_inverse=True)
    a, b = at.reshape(spectra.pairs.shape).T
    inverse = _invert(_build_matrix(spectra.cross.sum(axis=0), spectra.power.sum(axis=0)[:, used], a, b))
    rows = np.stack([inverse[:, a], inverse[:, b]], axis=2)  # (frequency, pair, 2, channel)
    own = np.take_along_axis(rows, np.stack([a, b], axis=1)[None, :, None, :], axis=3)
    weights = _invert(own) @ rows
    cross = np.empty_like(spectra.cross)
    power = np.empty((*cross.shape, 2))
    for g in range(cross.shape[0]):
        part = _build_matrix(spectra.cross[g], spectra.power[g][:, used], a, b)
        left = [np.einsum("fpc,fcd->fpd", weights[:, :, k], part) for k in (0, 1)]
        cross[g] = np.sum(left[0] * np.conj(weights[:, :, 1]), axis=-1)
        for k in (0, 1):
            power[g, ..., k] = np.sum(left[k] * np.conj(weights[:, :, k]), axis=-1).real
    n = len(spectra.pairs)
    return spectra._replace(
        cross=cross,
        power=power.reshape(*cross.shape[:2], 2 * n),
        pairs=np.arange(2 * n).reshape(n, 2),
        persistence=spectra.persistence[..., spectra.pairs.ravel()],
    )


def _build_matrix(cross: Complex, power: Floats, a: NDArray[np.intp], b: NDArray[np.intp]) -> Complex:
    """The spectral matrix (frequency, channel, channel) of all pairs of channels."""
    n = power.shape[-1]
    full = np.zeros((*cross.shape[:-1], n, n), complex)
    full[..., a, b] = cross
    full[..., b, a] = np.conj(cross)
    full[..., np.arange(n), np.arange(n)] = power
    return full


def _invert(matrix: Complex) -> Complex:
    """The inverse of each matrix; NaN where a channel has no power."""
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    is_defined = np.isfinite(matrix).all(axis=(-2, -1)) & (diagonal.real > 0).all(axis=-1)
    inverse = np.full(matrix.shape, np.nan, complex)
    inverse[is_defined] = np.linalg.inv(matrix[is_defined])
    return inverse


def multiply_powers(spectra: Spectra) -> Floats:
    """(frequency, pair) product of the powers, by which a squared cross-spectrum is divided; NaN where there is none."""
    part = sums(spectra)
    power = part.first * part.second
    return np.where(power > 0, power, np.nan)


def enough(n_estimates: int) -> None:
    """Raises NotApplicable with too few independent estimates."""
    if n_estimates < MINIMUM:
        raise NotApplicable(f"{n_estimates} independent estimates (tapers x pieces), fewer than {MINIMUM}")


def sums(spectra: Spectra) -> Sums:
    """Over all estimates: (frequency, pair)."""
    power = spectra.power.sum(axis=0)
    return Sums(spectra.cross.sum(axis=0), power[:, spectra.pairs[:, 0]], power[:, spectra.pairs[:, 1]])


def jackknife(spectra: Spectra, statistic: Callable[[Sums], Floats], *, is_joint: bool = False) -> tuple[Floats, Floats]:
    """A statistic of each pair, and its standard error: (pair, ...) both.

    statistic: sums (..., frequency, pair) -> (..., pair) with anything between; is_joint: it needs
    all pairs at a time.
    For groups of unequal size: Busing, Meijer & van der Leeden 1999, doi:10.1023/A:1008800423698.
    """
    values, errors = [], []
    power = spectra.power.sum(axis=0)
    step = len(spectra.pairs) if is_joint else max(1, int(2e6 / spectra.cross[:, :, 0].size))
    for a in range(0, len(spectra.pairs), step):
        first, second = spectra.pairs[a : a + step].T
        part = spectra.cross[:, :, a : a + step]
        total = Sums(part.sum(axis=0), power[:, first], power[:, second])
        left = Sums(total.cross - part, total.first - spectra.power[:, :, first], total.second - spectra.power[:, :, second])
        value = statistic(total)
        values.append(value)
        errors.append(standard_error(value, statistic(left), spectra.weight))
    return np.moveaxis(np.concatenate(values, axis=-1), -1, 0), np.moveaxis(np.concatenate(errors, axis=-1), -1, 0)


def standard_error(value: Floats, deleted: Floats, weight: Floats) -> Floats:
    """Of a statistic, from its values without each group (group, ...)."""
    share = (weight / weight.sum()).reshape(-1, *([1] * (deleted.ndim - 1)))
    h = 1 / share
    with np.errstate(invalid="ignore"):
        pseudo = h * value - (h - 1) * deleted
        centre = deleted.shape[0] * value - np.sum((1 - share) * deleted, axis=0)
        return np.asarray(np.sqrt(np.mean((pseudo - centre) ** 2 / (h - 1), axis=0)))


def half_width(error: Floats, weight: Floats, confidence: float = 0.95) -> Floats:
    """Of the interval: t with one degree of freedom less than there are groups."""
    return error * t_quantile(confidence, weight.size - 1)


def squared(part: Sums) -> Floats:
    """Magnitude-squared coherence, with its bias; NaN where a signal has no power."""
    power = part.first * part.second
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(power > 0, (part.cross.real**2 + part.cross.imag**2) / power, np.nan)
    return np.minimum(value, 1.0)


def coherency(part: Sums) -> Complex:
    """S_xy / sqrt(S_xx S_yy); NaN where a signal has no power."""
    power = part.first * part.second
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(power > 0, part.cross / np.sqrt(power), np.nan))


def interval_of(raw: Floats, transformed: Floats, error: Floats, n: Floats | float, weight: Floats) -> tuple[Floats, Floats]:
    """Of a coherence, from atanh |gamma|, which has the bias 1 / (2L - 2), and its error. n: L, (...) or one number."""
    centre = transformed - 1 / np.maximum(2 * n - 2, 1)
    width = half_width(error, weight)
    low, high = (np.tanh(np.maximum(centre + sign * width, 0)) ** 2 for sign in (-1, 1))
    return np.where(np.isnan(raw), np.nan, low), np.where(np.isnan(raw), np.nan, high)


def stabilise_variance(coherence: Floats) -> Floats:
    """atanh |gamma| of a magnitude-squared coherence: its variance, 1 / (2L - 2), does not depend on the coherence."""
    return np.asarray(np.arctanh(np.sqrt(np.clip(coherence, 0, 1 - 1e-12))))  # atanh(1) is infinite: a signal with itself


def stabilised(part: Sums) -> Floats:
    """The atanh |gamma| of pairs."""
    return stabilise_variance(squared(part))


def explain_missing(segments: Floats, reasons: NDArray[np.object_], along: str = "frequencies") -> NDArray[np.object_]:
    """The reasons of pairs, and at how many frequencies (or bands) no threshold can be given. segments: (pair, frequency)."""
    missing = np.isnan(segments).sum(axis=1)
    n = segments.shape[1]
    text = "no test at {} of {} {}: fewer than 1.5 effective segments (uneven amplitudes, or a line)"
    new = [text.format(k, n, along) if k else "" for k in missing]
    return np.array([why or one for why, one in zip(reasons, new, strict=True)], object)
