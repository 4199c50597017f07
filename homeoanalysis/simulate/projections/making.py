"""A projection in the storage that its rules allow."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from homeoanalysis.numerics.channels import Channel
from homeoanalysis.numerics.mechanism import Grid, Site
from homeoanalysis.numerics.traces import PERIODS, trace, zeros
from homeoanalysis.simulate.populations import PAD, Spikes
from homeoanalysis.simulate.projections import Bits, Event, Forward, Projection, Static
from homeoanalysis.simulate.projections.event import Acting, Immediate
from homeoanalysis.simulate.projections.forward import Deferred
from homeoanalysis.simulate.projections.hooks import ChangingRows, Rows
from homeoanalysis.simulate.projections.static import BATCH

LARGEST = 1 << 16  # neurons of a part: targets are 16-bit numbers
CACHE = 1 << 19  # bytes of synapses above which it pays to fetch them a step ahead
# As traces.PERIODS. A weight is stored less what is owed to it, times exp(16) at worst: of single precision that would leave two
# digits. With `forward.REACH` epochs what is left out is exp(-17.5) of a change, less than its last bit.
PERIODS_SINGLE = 3.5


def make_projection(
    site: Site,
    rows: Rows,
    sink: Spikes,
    part: int,
    channel: Channel,
    *,
    weight: float | np.ndarray,
    rules: Sequence[Any],
    is_plastic: bool,
    is_changing: bool = False,
    release: Sequence[Any] = (),
    flush_every: int,
    is_dense: bool = False,
) -> Projection:
    """A projection in the storage that its rules allow.

    is_changing: synapses come and go. is_dense: a bit for each pair would be small; the same for every part, or they would
    round differently.
    """
    grid, one = site.grid, site.grid.dtype.type(1)
    releasing = tuple(r.build(site) for r in release)
    if is_changing:
        return Static(ChangingRows(*rows), grid.number(weight), channel.terms, releasing, one, False)
    if not is_plastic:
        if is_dense and np.ndim(weight) == 0 and not releasing and rows.delay.size == 1:
            return _bits(rows, grid, weight, channel, site.n_post)
        return Static(rows, grid.number(weight), channel.terms, releasing, one, rows.target.nbytes > CACHE)
    values = zeros(rows.target.shape, grid.dtype)
    np.minimum(np.broadcast_to(weight, values.shape), site.weight_max, out=values, casting="same_kind")
    is_far = values.nbytes > CACHE
    common = (rows, values, channel.terms, releasing, one, is_far, sink, part, grid.number(site.weight_max))
    if all(rule.form == "forward" for rule in rules):
        return Forward(*common, tuple(_deferred(rule, site, flush_every) for rule in rules))
    made: list[Any] = []
    for rule in rules:
        if rule.form == "forward":
            pre = trace(site.n_rows, rule.tau_pre, grid.dt, grid.dtype)
            made.append(Immediate(rule.build(site), one, one, pre, _saturates(rule)))
        else:
            made.append(Acting(rule.build(site), one, one))
    order = np.argsort(rows.target, kind="stable")
    origin = np.repeat(np.arange(site.n_rows), np.diff(rows.first))[order].astype(np.int32)
    first_in = np.searchsorted(rows.target[order], np.arange(site.n_post + 1))
    return Event(*common, tuple(made), first_in, origin, order.astype(np.int32))


def _saturates(rule: Any) -> np.int8:
    return np.int8(getattr(rule, "is_nearest", False))


def has_multapses(first: np.ndarray, target: np.ndarray) -> bool:
    is_same = target[1:] == target[:-1]  # rows are sorted
    inner = first[(first > 0) & (first < target.size)]
    is_same[inner - 1] = False  # a row starts there
    return bool(is_same.any())


def _bits(rows: Rows, grid: Grid, weight: Any, channel: Channel, n_post: int) -> Bits:
    words, n_source = -(-n_post // PAD), rows.first.size - 1
    matrix = np.zeros((n_source + 1, words), np.uint64)
    width = words * 8
    for j in range(n_source):
        connected = np.zeros(words * 64, bool)
        connected[rows.target[rows.first[j] : rows.first[j + 1]]] = True
        matrix[j] = np.packbits(connected.reshape(8, width), axis=0, bitorder="little")[0].view(np.uint64)
    count = zeros(words * 64, np.uint8)
    return Bits(
        matrix,
        grid.number(weight),
        channel.terms,
        int(rows.delay[0]),
        rows.source,
        grid.dtype.type(1),
        zeros(BATCH, np.int64),
        zeros((6, words), np.uint64),
        count,
        count.view(np.uint64),
    )


def _deferred(rule: Any, site: Site, flush_every: int) -> Deferred:
    grid, tau = site.grid, rule.tau_pre
    periods = PERIODS if grid.dtype == np.float64 else PERIODS_SINGLE
    shift = max(1, math.ceil(math.log2(periods * tau / grid.dt)))
    z = np.arange(1 << shift) * grid.dt / tau
    # Every row is visited once in `flush_every`, so that no row refers to an older epoch than these.
    live = 1 << (-(-flush_every // z.size)).bit_length()
    one = grid.dtype.type(1)
    return Deferred(
        rule=rule.build(site),
        scale_pre=one,
        scale_post=one,
        saturates=_saturates(rule),
        gain=zeros(site.n_rows),
        epoch=zeros(site.n_rows, np.int64),
        credit=zeros((live, site.n_post), grid.dtype),
        clock=zeros(1, np.int64),
        shift=shift,
        fade=np.exp(-np.arange(live) * z.size * grid.dt / tau),
        up=np.exp(z),
        down=np.exp(-z),
    )


def cut_rows(
    rows: Iterable[Any], bounds: np.ndarray, n_source: int, delays: list[int], delay_of: Any, draw_weights: Any
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """(first, target, weight) of each part, from the sorted targets of each source neuron and perhaps their weights."""
    n_parts, n_delays = bounds.size - 1, len(delays)
    small = np.uint16 if int(np.diff(bounds).max()) <= LARGEST else np.uint32
    first = np.zeros((n_parts, n_source * n_delays + 1), np.int64)
    targets: list[list[np.ndarray]] = [[] for _ in range(n_parts)]
    weights: list[list[np.ndarray]] = [[] for _ in range(n_parts)]
    has_weights = draw_weights is not None
    for j, row in enumerate(rows):
        given = None
        if isinstance(row, tuple):
            row, given = row
            has_weights = True
        elif draw_weights is not None:
            given = draw_weights(row.size)
        bucket = np.zeros(row.size, np.int64) if delay_of is None else delay_of(row.size)
        for k in range(n_parts):
            for d in range(n_delays):
                if n_parts == n_delays == 1:
                    chosen: Any = slice(None)
                else:
                    chosen = (row >= bounds[k]) & (row < bounds[k + 1]) & (bucket == d)
                mine = (row[chosen] - bounds[k]).astype(small)
                targets[k].append(mine)
                first[k, j * n_delays + d + 1] = mine.size
                if given is not None:
                    weights[k].append(given[chosen])
    return [
        (
            np.cumsum(first[k]),
            np.concatenate([*targets[k], np.zeros(0, small)]),
            np.concatenate(weights[k]) if has_weights else None,
        )
        for k in range(n_parts)
    ]
