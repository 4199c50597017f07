"""Multitaper cross-spectra of many pairs of channels, with delete-a-group values for their intervals.

Each channel is transformed once; products are summed, over tapers and pieces, before any ratio is taken. The sums are kept
for each of some groups of pieces: leaving each group out in turn gives the jackknife, without a second pass over the data.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import multitaper
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.pieces import Kind, Pieces
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
MINIMUM = 8  # independent estimates: fewer give no interval worth the name
_GROUPS = 32
_FEWEST = 8  # groups of whole pieces; with fewer pieces every taper of every piece is a group
_MEMORY = 400e6  # bytes of the sums over groups
_BLOCK = 48e6  # bytes of tapered pieces in one go
_SURROGATES = 1e9  # bytes


class Spectra(NamedTuple):
    """Sums over the estimates (tapers x pieces) of each group."""

    frequency: Floats
    pairs: NDArray[np.intp]  # (pair, 2) channels
    cross: Complex  # (group, frequency, pair) sum of x conj(y)
    power: Floats  # (group, frequency, channel) sum of |x|^2
    weight: Floats  # (group,) number of estimates

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

    Closer to 0 and to Nyquist the estimate at f and that at -f overlap, so that they are not independent.
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
    done = 0
    for block, found in coefficients(pieces, chosen, time_half_bandwidth, kept, is_sine=is_sine):
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
    return Spectra(frequency, pairs, cross, power, weight)


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

    statistic: sums (..., frequency, pair) -> (..., pair) with anything between; is_joint: it needs all pairs at a time.
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


def interval_of(raw: Floats, transformed: Floats, error: Floats, n: int, weight: Floats) -> tuple[Floats, Floats]:
    """Of a coherence, from the error of Q = sqrt(2L-2) atanh|gamma|, which has the bias 1/sqrt(2L-2)."""
    scale = np.sqrt(2 * n - 2)
    centre = transformed - 1 / scale
    width = half_width(error, weight)
    low, high = (np.tanh(np.maximum(centre + sign * width, 0) / scale) ** 2 for sign in (-1, 1))
    return np.where(np.isnan(raw), np.nan, low), np.where(np.isnan(raw), np.nan, high)


def variance_stable(coherence: Floats) -> Floats:
    """atanh |gamma| of a magnitude-squared coherence: its variance, 1 / (2L - 2), does not depend on the coherence."""
    return np.asarray(np.arctanh(np.sqrt(np.clip(coherence, 0, 1 - 1e-12))))  # atanh(1) is infinite: a signal with itself


def stabilised(n: int, statistic: Callable[[Sums], Floats] = squared) -> Callable[[Sums], Floats]:
    """The transformation Q of a kind of coherence, of unit variance."""

    def q(part: Sums) -> Floats:
        return np.asarray(np.sqrt(2 * n - 2) * variance_stable(statistic(part)))

    return q


def shifted_coherence(
    pieces: Pieces, spectra: Spectra, *, time_half_bandwidth: float, highest: float | None, draws: int
) -> Floats:
    """Coherence with its bias where every piece of the first channel meets a random other piece of the second.

    The relation between them is lost, the spectrum of each is not. Returns (draw, frequency, pair).
    Raises DataError where that would not fit into memory, NotApplicable with fewer than 4 pieces.
    """
    n, (first, second) = pieces.kept.size, spectra.pairs.T
    if n < 4:
        raise NotApplicable(f"{n} pieces, fewer than the 4 that surrogates need")
    _, kept = frequencies(pieces, time_half_bandwidth, highest)
    n_tapers = int(2 * time_half_bandwidth) - 1
    size = 16.0 * kept.size * (draws * len(spectra.pairs) + 2 * n * n_tapers * len(pieces.names))
    if size > _SURROGATES:
        raise DataError(
            f"{draws} surrogates of {len(spectra.pairs)} pairs need {size / 1e9:.1f} GB; ask for fewer, or for a lower `highest`"
        )
    found = np.concatenate([x for _, x in coefficients(pieces, pieces.kept, time_half_bandwidth, kept)], axis=1)
    found = found.transpose(3, 0, 1, 2)  # (frequency, channel, piece, taper)
    rng = rng_for(0, "shifted pieces", n, draws)
    cross = np.empty((draws, *spectra.cross.shape[1:]), complex)
    for draw in range(draws):
        order = rng.permutation(n)  # each piece meets the one before it in a random order, never itself
        x, y = found[:, :, order], np.conj(found[:, :, np.roll(order, 1)])
        for p, (a, b) in enumerate(zip(first, second, strict=True)):
            cross[draw, :, p] = np.einsum("fpt,fpt->f", x[:, a], y[:, b])
    power = spectra.power.sum(axis=0)
    return squared(Sums(cross, power[:, first], power[:, second]))
