"""Signals and spikes of an activity on one grid of time, cut into pieces of equal length that never bridge a gap.

Signals are read piece by piece, so that an activity may be opened lazily and be longer than the memory.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, get_args, overload

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
Signal = Literal["field_potential", "lfp", "lfp_proxy", "membrane_potential", "current", "state_variable", "covariate"]
Kind = Literal["spikes", "field_potential", "lfp", "lfp_proxy", "membrane_potential", "current", "state_variable", "covariate"]
TimeHalfBandwidth = Annotated[float, Field(ge=1, le=20)]
Between = Annotated[tuple[Kind, Kind], Field(strict=False)]  # YAML has lists only
Band = Annotated[tuple[Hertz, Hertz], Field(strict=False)]
Spans = Annotated[tuple[Band, ...], Field(strict=False)]
Bands = Annotated[dict[str, Band], Field(min_length=1)]
# Of the rodent hippocampus is theta_hippocampal, the others are usual; line noise is left out where a study says so.
BANDS: dict[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "theta_hippocampal": (6.0, 10.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 80.0),
    "high_gamma": (80.0, 150.0),
}
MINIMUM_SPIKES = 20  # of a train: with 10 the false positives of a coherence are 8 % at a nominal 5 %
_SAMPLE_ERROR = 0.01  # of a sample: how far the grids of two signals may lie apart
_SPIKE_STEP = 1e-3


class Grid(NamedTuple):
    """Where the pieces lie."""

    start: Floats  # (piece,) time of the first bin
    segment: NDArray[np.intp]  # (piece,) of the activity
    n_bins: int
    bin_size: float
    early: float  # how much earlier a bin of spikes begins: a sample stands for the time half a step around it


class Pieces:
    """The channels of one or two kinds in some span of time.

    names: (channel,) of units and channels of signals. kinds: (channel,) which of them. reason: (channel,) why a channel
    cannot be measured here, else "". valid: (channel, piece). kept: the pieces in which all measurable channels are valid.
    """

    def __init__(
        self, activity: xr.Dataset, kinds: Sequence[Kind], *, segment: float, bin_size: float | None, span: tuple[float, float]
    ) -> None:
        """kinds: in the order of the channels. segment, bin_size: [s]; None is the step of the signals, or 1 ms.

        Raises NotApplicable where a kind is not recorded, no whole piece fits, or no channel can be measured; DataError where
        the bins do not fit the samples.
        """
        self.activity = activity
        self._parts = list(dict.fromkeys(kinds))
        names = {kind: _names(activity, kind) for kind in self._parts}
        self.names = [name for kind in self._parts for name in names[kind]]
        self.kinds = [kind for kind in self._parts for _ in names[kind]]
        self.grid = grid_of(activity, self._parts, segment=segment, bin_size=bin_size, span=span)
        if self.grid.start.size == 0:
            raise NotApplicable(f"no {segment:g} s in one piece")
        self._spikes = _Binned(activity, self.grid) if "spikes" in self._parts else None
        self.valid = valid = np.concatenate([self._valid(kind) for kind in self._parts])
        n = self.grid.start.size
        counted = np.concatenate([self._count(kind) for kind in self._parts])
        self.reason = np.array(
            [
                f"fewer than half of {n} pieces are without gaps and not flat"
                if 2 * v.sum() < n
                else f"{int(c)} spikes, fewer than {MINIMUM_SPIKES}"
                if c < MINIMUM_SPIKES
                else ""
                for v, c in zip(valid, counted, strict=True)
            ],
            dtype=object,
        )
        usable = self.reason == ""
        if not usable.any():
            raise NotApplicable("; ".join(dict.fromkeys(str(why) for why in self.reason)))
        self.kept = np.flatnonzero(valid[usable].all(axis=0))

    def of(self, kind: Kind) -> NDArray[np.intp]:
        """The channels of a kind."""
        return np.flatnonzero(np.array(self.kinds) == kind)

    def read(self, chosen: NDArray[np.intp]) -> Floats:
        """(channel, piece, bin) of some of the pieces, in rising order: signals averaged over each bin, spikes counted."""
        found = []
        for kind in self._parts:
            if kind == "spikes":
                assert self._spikes is not None
                found.append(self._spikes.read(chosen))
            else:
                found.append(_samples(self.activity, kind, self.grid, chosen))
        return np.concatenate(found)

    def _valid(self, kind: str) -> NDArray[np.bool_]:
        """(channel, piece): recorded without a gap, and not flat; for spikes, whether the unit was isolated."""
        grid = self.grid
        if kind == "spikes":
            if "observed" not in self.activity:
                return np.ones((self.activity.sizes["unit"], grid.start.size), bool)
            return np.asarray(observed.array(self.activity, "observed")[:, grid.segment] == 1)
        n_channels = self.activity.sizes[f"{kind}_channel"]
        found = np.zeros((n_channels, grid.start.size), bool)
        per_block = max(1, int(4e6 / (n_channels * grid.n_bins)))
        for a in range(0, grid.start.size, per_block):
            chosen = np.arange(a, min(a + per_block, grid.start.size))
            values = _samples(self.activity, kind, grid, chosen)
            with np.errstate(invalid="ignore"):
                spread = values.max(axis=2) - values.min(axis=2)  # NaN where there is any, or an infinity
            found[:, chosen] = np.isfinite(spread) & (spread > 0)
        return found

    def _count(self, kind: str) -> Floats:
        """(channel,) spikes; infinitely many for a signal."""
        if kind == "spikes":
            assert self._spikes is not None
            return self._spikes.count.astype(float)
        return np.full(self.activity.sizes[f"{kind}_channel"], np.inf)


def thinned(activity: xr.Dataset, keep: NDArray[np.bool_]) -> xr.Dataset:
    """The activity with some of its spikes."""
    count = np.bincount(observed.unit_of_spike(activity)[keep], minlength=activity.sizes["unit"])
    return observed.with_spikes(activity, activity.variables["spike_time"][keep], count)


@overload
def recorded_kind(activity: xr.Dataset, kind: Signal) -> Signal: ...
@overload
def recorded_kind(activity: xr.Dataset, kind: Kind) -> Kind: ...
def recorded_kind(activity: xr.Dataset, kind: Kind) -> Kind:
    """The kind as the activity has it: a field potential is the recorded `lfp`, or the `lfp_proxy` of a model.

    Raises NotApplicable if the activity holds nothing of the kind; DataError where it holds both fields.
    """
    if kind == "field_potential":
        held: list[Kind] = [field for field in ("lfp", "lfp_proxy") if field in activity]
        if len(held) > 1:
            raise DataError("field_potential is lfp or lfp_proxy, and this activity has both; write the one that is meant")
        if not held:
            raise NotApplicable("no field potential, neither lfp nor lfp_proxy")
        return held[0]
    if kind == "spikes":
        observed.need_spikes(activity)
    elif kind not in activity:
        raise NotApplicable("no stimulus" if kind == "covariate" else f"no signal: {kind}")
    return kind


def _names(activity: xr.Dataset, kind: Kind) -> list[str]:
    recorded_kind(activity, kind)
    along = "unit" if kind == "spikes" else f"{kind}_channel"
    return [str(name) for name in (observed.array(activity, along) if along in activity.coords else range(activity.sizes[along]))]


def grid_of(
    activity: xr.Dataset, kinds: Sequence[Kind], *, segment: float, bin_size: float | None, span: tuple[float, float]
) -> Grid:
    """Whole pieces in what was observed of the span, of all of the kinds; they begin at a sample."""
    signals = [kind for kind in kinds if kind in get_args(Signal)]
    rates = {kind: float(activity.variables[kind].attrs["sampling_rate"]) for kind in signals}
    step = max((1 / rate for rate in rates.values()), default=_SPIKE_STEP) if bin_size is None else bin_size
    for kind, rate in rates.items():
        ratio = rate * step
        if ratio < 1 - 1e-6 or abs(ratio - round(ratio)) > 1e-6 * ratio:
            raise DataError(f"bin_size {step:g} s is no multiple of the step of {kind}, {1 / rate:g} s; choose a multiple")
    n_bins = round(segment / step)
    if n_bins < 4:
        raise DataError(f"segment {segment:g} s holds {n_bins} samples of {step:g} s, too few for a spectrum; make it longer")
    start, stop = observed.segments(activity)
    a, b = observed.overlap(start, stop, np.array([span[0]]), np.array([span[1]]))
    of = np.searchsorted(start, a, side="right") - 1
    starts, segments = [np.zeros(0)], [np.zeros(0, np.intp)]
    for begin, end, k in zip(a, b, of, strict=True):
        for kind in signals:
            first, count = (float(observed.array(activity, f"{kind}_{v}")[k]) for v in ("t_start", "sample_count"))
            begin = first + max(np.ceil((begin - first) * rates[kind] - observed.EDGE), 0) / rates[kind]
            end = min(end, first + count / rates[kind])
        for kind in signals:
            place = (begin - float(observed.array(activity, f"{kind}_t_start")[k])) * rates[kind]
            if abs(place - round(place)) > _SAMPLE_ERROR:
                raise DataError(
                    f"{' and '.join(signals)} are sampled at different instants, {abs(place - round(place)):.2g} samples apart; "
                    "resample one at the times of the other"
                )
        n = observed.n_whole(end - begin, n_bins * step) if end > begin else 0
        starts.append(begin + n_bins * step * np.arange(n))
        segments.append(np.full(n, k))
    early = 0.5 / max(rates.values()) if rates else 0.0
    return Grid(np.concatenate(starts), np.concatenate(segments), n_bins, step, early)


def _samples(activity: xr.Dataset, kind: str, grid: Grid, chosen: NDArray[np.intp]) -> Floats:
    """(channel, piece, bin) of a signal. Neighbouring pieces are read in one go."""
    rate = float(activity.variables[kind].attrs["sampling_rate"])
    per_bin = round(rate * grid.bin_size)
    segment = grid.segment[chosen]
    offset = (grid.start[chosen] - observed.array(activity, f"{kind}_t_start")[segment]) * rate
    first = observed.array(activity, f"{kind}_first_sample")[segment] + np.round(offset).astype(np.int64)
    length = grid.n_bins * per_bin
    cuts = np.flatnonzero(np.diff(first) != length) + 1
    found = []
    for run in np.split(first, cuts):
        whole = activity.variables[kind][:, int(run[0]) : int(run[0]) + run.size * length].values.astype(float, copy=False)
        found.append(
            whole.reshape(whole.shape[0], run.size, grid.n_bins, per_bin).mean(axis=3)
            if per_bin > 1
            else whole.reshape(whole.shape[0], run.size, grid.n_bins)
        )
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


class _Binned:
    """Spikes of all units in the bins of a grid."""

    def __init__(self, activity: xr.Dataset, grid: Grid) -> None:
        times, unit = observed.array(activity, "spike_time") + grid.early, observed.unit_of_spike(activity)
        slack = observed.EDGE * grid.bin_size
        piece = np.searchsorted(grid.start, times + slack, side="right") - 1
        index = np.floor((times - grid.start[np.maximum(piece, 0)]) / grid.bin_size + observed.EDGE).astype(np.int64)
        inside = (piece >= 0) & (index < grid.n_bins)
        order = np.argsort(piece[inside], kind="stable")
        self._unit, self._piece, self._bin = (v[inside][order] for v in (unit, piece, index))
        self._shape = activity.sizes["unit"], grid.n_bins
        self.count = np.bincount(self._unit, minlength=self._shape[0])

    def read(self, chosen: NDArray[np.intp]) -> Floats:
        n_units, n_bins = self._shape
        first, last = np.searchsorted(self._piece, [chosen[0], chosen[-1] + 1])
        unit, piece, index = (v[first:last] for v in (self._unit, self._piece, self._bin))
        place = np.searchsorted(chosen, piece)
        is_mine = chosen[np.minimum(place, chosen.size - 1)] == piece
        flat = ((unit * chosen.size + place) * n_bins + index)[is_mine]
        return np.bincount(flat, minlength=n_units * chosen.size * n_bins).reshape(n_units, chosen.size, n_bins).astype(float)
