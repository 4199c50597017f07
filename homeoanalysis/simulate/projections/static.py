"""Synapses that no rule changes: 2 bytes each where they share one weight, or one bit for each pair if they are dense."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.composition import kernel
from homeoanalysis.numerics.machine import at, prefetch
from homeoanalysis.simulate.populations import Spikes
from homeoanalysis.simulate.projections.hooks import ChangingRows, Rows, fetch_rows, release

AT_ONCE = 8  # rows that one pass of the adders takes
BATCH = 56  # rows whose sum six bit planes hold
_ONES = np.uint64(0x0101010101010101)
_1, _2, _3 = (np.uint64(k) for k in (1, 2, 3))


class Static(NamedTuple):
    """Synapses of fixed weight: one for all, or one for each."""

    rows: Rows | ChangingRows
    weight: Any
    channel: tuple  # the terms of the target's channel
    release: tuple  # none, or one rule
    strength: Any  # multiplies what is transmitted
    is_far: bool  # the synapses do not fit in the cache

    @staticmethod
    def fetch(projection, t):  # type: ignore[no-untyped-def]
        if projection.is_far:
            fetch_rows(projection.rows, projection.rows.target, 32, t)

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        rows = projection.rows
        arrivals = accept(projection.channel, t)
        for d in range(rows.delay.size):
            slot = (t - rows.delay[d]) & (rows.source.number.shape[0] - 1)
            for part in range(rows.source.start.size):
                start = rows.source.start[part]
                for k in range(start, start + rows.source.number[slot, part]):
                    row = rows.source.unit[slot, k] * rows.delay.size + d
                    strength = release(projection.release, row, t, projection.strength)
                    a, z = rows.first[row], rows.first[row + 1]
                    _add(rows.target[a:z], projection.weight, a, arrivals, strength)

    @staticmethod
    def add_up(projection, total, number):  # type: ignore[no-untyped-def]
        for k in range(projection.rows.target.size):
            total[projection.rows.target[k]] += at(projection.weight, k)
            number[projection.rows.target[k]] += 1


@kernel
def _add(target, weight, first, arrivals, strength):  # type: ignore[no-untyped-def]
    for q in range(target.size):
        receive(arrivals, np.intp(target[q]), at(weight, first + q) * strength)


class Bits(NamedTuple):
    """Dense synapses of one fixed weight: a bit says whether a pair is connected.

    The rows that arrive in a step are added bit by bit with carry-save adders, 64 neurons in a word; a byte for each
    neuron counts its spikes. Bit b of byte k of a row stands for neuron b x (bytes of a row) + k, so that the planes
    unpack to consecutive neurons.
    Source: carry-save addition of bit planes, Harley & Seal, in Warren 2012, Hacker's Delight, 2nd ed., section 5-1.
    """

    matrix: np.ndarray  # (source neurons + 1, words): the last row is empty
    weight: Any
    channel: tuple
    delay: int
    source: Spikes
    strength: Any
    row: np.ndarray  # (BATCH,): the rows at hand
    plane: np.ndarray  # (6, words)
    counts: np.ndarray  # (words x 64,) bytes: spikes of each neuron
    counts_word: np.ndarray  # (words x 8,): the same memory

    @staticmethod
    def fetch(projection, t):  # type: ignore[no-untyped-def]
        source, matrix = projection.source, projection.matrix
        slot = (t + 1 - projection.delay) & (source.number.shape[0] - 1)
        for part in range(source.start.size):
            start = source.start[part]
            for k in range(start, start + source.number[slot, part]):
                row = matrix[source.unit[slot, k]]
                for w in range(0, row.size, 8):
                    prefetch(row, w)

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        source = projection.source
        arrivals = accept(projection.channel, t)
        jump = projection.weight * projection.strength
        slot = (t - projection.delay) & (source.number.shape[0] - 1)
        at_hand = 0
        for part in range(source.start.size):
            start = source.start[part]
            for k in range(start, start + source.number[slot, part]):
                projection.row[at_hand] = source.unit[slot, k]
                at_hand += 1
                if at_hand == BATCH:
                    _add_rows(projection, at_hand, arrivals, jump)
                    at_hand = 0
        if at_hand > 0:
            _add_rows(projection, at_hand, arrivals, jump)

    @staticmethod
    def add_up(projection, total, number):  # type: ignore[no-untyped-def]
        width = projection.plane.shape[1] * 8
        for row in range(projection.matrix.shape[0] - 1):
            for i in range(total.size):
                k = i % width
                word = projection.matrix[row, k >> 3] >> np.uint64(((k & 7) << 3) + i // width)
                if word & np.uint64(1):
                    total[i] += projection.weight
                    number[i] += 1


@kernel
def _add_rows(projection, n, arrivals, jump):  # type: ignore[no-untyped-def]
    """Add the first n rows at hand to the channel."""
    empty = projection.matrix.shape[0] - 1
    row, matrix, plane = projection.row, projection.matrix, projection.plane
    plane[:] = 0
    for k in range(n, (n + AT_ONCE - 1) // AT_ONCE * AT_ONCE):
        row[k] = empty
    for k in range(0, n, AT_ONCE):
        _add_eight(
            matrix[row[k]],
            matrix[row[k + 1]],
            matrix[row[k + 2]],
            matrix[row[k + 3]],
            matrix[row[k + 4]],
            matrix[row[k + 5]],
            matrix[row[k + 6]],
            matrix[row[k + 7]],
            plane[0],
            plane[1],
            plane[2],
            plane[3],
            plane[4],
            plane[5],
        )
    width = plane.shape[1]
    for b in range(8):
        count = projection.counts_word[b * width : (b + 1) * width]
        if n < 16:
            _unpack_four(plane[0], plane[1], plane[2], plane[3], count, np.uint64(b))
        else:
            _unpack_six(plane[0], plane[1], plane[2], plane[3], plane[4], plane[5], count, np.uint64(b))
    _receive_counts(arrivals, projection.counts, jump)


@kernel
def _add_eight(r0, r1, r2, r3, r4, r5, r6, r7, p0, p1, p2, p3, p4, p5):  # type: ignore[no-untyped-def]
    """Seven full adders take eight rows into the planes of 1, 2 and 4; the carry ripples on to 8, 16 and 32."""
    for w in range(p0.size):
        half = r0[w] ^ r1[w]
        ones = half ^ p0[w]
        two_a = (r0[w] & r1[w]) | (half & p0[w])
        half = r2[w] ^ r3[w]
        two_b = (r2[w] & r3[w]) | (half & ones)
        ones = half ^ ones
        half = two_a ^ two_b
        four_a = (two_a & two_b) | (half & p1[w])
        twos = half ^ p1[w]
        half = r4[w] ^ r5[w]
        two_a = (r4[w] & r5[w]) | (half & ones)
        ones = half ^ ones
        half = r6[w] ^ r7[w]
        two_b = (r6[w] & r7[w]) | (half & ones)
        p0[w] = half ^ ones
        half = two_a ^ two_b
        four_b = (two_a & two_b) | (half & twos)
        p1[w] = half ^ twos
        half = four_a ^ four_b
        carry = (four_a & four_b) | (half & p2[w])
        p2[w] = half ^ p2[w]
        next_carry = p3[w] & carry
        p3[w] ^= carry
        carry = p4[w] & next_carry
        p4[w] ^= next_carry
        p5[w] ^= carry


@kernel
def _unpack_four(p0, p1, p2, p3, count, b):  # type: ignore[no-untyped-def]
    """Bit b of every byte of the planes becomes a byte of the count, eight bytes at once."""
    for k in range(count.size):
        low = ((p0[k] >> b) & _ONES) | (((p1[k] >> b) & _ONES) << _1)
        count[k] = low | (((p2[k] >> b) & _ONES) << _2) | (((p3[k] >> b) & _ONES) << _3)


@kernel
def _unpack_six(p0, p1, p2, p3, p4, p5, count, b):  # type: ignore[no-untyped-def]
    for k in range(count.size):
        low = ((p0[k] >> b) & _ONES) | (((p1[k] >> b) & _ONES) << _1) | (((p2[k] >> b) & _ONES) << _2)
        high = ((p3[k] >> b) & _ONES) | (((p4[k] >> b) & _ONES) << _1) | (((p5[k] >> b) & _ONES) << _2)
        count[k] = low | (high << _3)


@kernel
def _receive_counts(arrivals, count, jump):  # type: ignore[no-untyped-def]
    for i in range(np.uint64(count.size)):
        receive(arrivals, i, jump * count[i])
