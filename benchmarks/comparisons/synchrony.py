"""All pairs of units: our sweep over merged spikes beside loops over pairs, elephant's and one of plain numpy."""

import itertools
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import quantities as pq
from elephant.spike_train_correlation import spike_time_tiling_coefficient as of_elephant
from neo import SpikeTrain
from resident import forget_peak, resident

from comparisons._trains import unread
from homeoanalysis import catalogue
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.measure import measure
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.merged import Piece
from homeoanalysis.numerics.neighbours import Sweep

WINDOW = 0.005  # s, elephant's default
PAIRS = 200  # that plain numpy takes


def _plain(a: np.ndarray, b: np.ndarray, duration: float) -> float:
    """Spike time tiling of two sorted trains in numpy alone. Source: Cutts & Eglen 2014, doi:10.1523/JNEUROSCI.2767-14.2014."""

    def near(these: np.ndarray, those: np.ndarray) -> float:
        after = np.searchsorted(those, these)
        before = np.abs(these - those[np.maximum(after - 1, 0)])
        return float(np.mean(np.minimum(before, np.abs(those[np.minimum(after, those.size - 1)] - these)) <= WINDOW))

    def tiled(these: np.ndarray) -> float:
        inner = np.minimum(np.diff(these), 2 * WINDOW).sum()
        return float(inner + min(these[0], WINDOW) + min(duration - these[-1], WINDOW)) / duration

    (p_a, p_b), (t_a, t_b) = (near(a, b), near(b, a)), (tiled(a), tiled(b))
    return ((p_a - t_b) / (1 - p_a * t_b) + (p_b - t_a) / (1 - p_b * t_a)) / 2


def against_elephant(units: int = 120, duration: float = 3600.0, rate: float = 5.0, pairs: int = 2) -> str:
    """The whole metric on one core; elephant and plain numpy take a few pairs, and all are extrapolated from these."""
    rng = np.random.default_rng(1)
    trains = [synthetic.poisson_train(rate, duration, rng) for _ in range(units)]
    one = synthetic.activity(trains, duration)
    metric = catalogue.load("metrics", "spike_time_tiling_coefficient")
    metric(synthetic.activity([t[:9] for t in trains[:2]], duration), window=WINDOW)  # compiled before it is timed
    began = time.process_time()
    metric(one, window=WINDOW)
    ours = time.process_time() - began
    neos = [SpikeTrain(t * pq.s, t_start=0 * pq.s, t_stop=duration * pq.s) for t in trains[: pairs + 1]]
    each = []
    for a, b in itertools.pairwise(neos):
        began = time.process_time()
        of_elephant(a, b, dt=WINDOW * pq.s)
        each.append(time.process_time() - began)
    every = units * (units - 1) // 2
    theirs = float(np.median(each)) * every
    began = time.process_time()
    for a, b in itertools.islice(itertools.combinations(trains, 2), PAIRS):
        _plain(a, b, duration)
    plain = (time.process_time() - began) / PAIRS * every
    return (
        f"STTC of all pairs, {units} units x {duration / 3600:g} h x {rate:g} Hz: ours {ours:.2f} CPU s; "
        f"elephant {np.median(each):.2f} CPU s a pair (median of {pairs}), "
        f"extrapolated to {every} pairs {theirs:.0f} CPU s: {theirs / ours:.0f} times; "
        f"plain numpy {plain:.1f} CPU s from {PAIRS} pairs: {plain / ours:.0f} times"
    )


def a_day(units: int = 1000, duration: float = 86400.0, rate: float = 5.0, piece: float = 600.0) -> str:
    """The sweep over a day, given piece by piece as it would be read: as float64 the spikes alone are 3.5 GB."""
    rng = np.random.default_rng(1)
    sweep = Sweep(units, WINDOW)
    made = swept = 0.0
    spikes = 0
    for _ in range(round(duration / piece)):
        began = time.process_time()
        n = rng.poisson(units * rate * piece)
        merged = np.sort(rng.uniform(0, piece, n))
        unit = rng.integers(0, units, n).astype(np.int32)
        made += time.process_time() - began
        began = time.process_time()
        sweep.add(Piece(merged, unit, 0, n))
        swept += time.process_time() - began
        spikes += n
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    near = sweep.total().near
    expected = 1 - np.exp(-2 * WINDOW * rate)
    off = near[~np.eye(units, dtype=bool)].mean() / np.diag(near).mean() / expected - 1
    return (
        f"sweep over all pairs, {units} units x {duration / 3600:g} h x {rate:g} Hz ({spikes / 1e6:.0f} million spikes), "
        f"one core: "
        f"{swept / 60:.1f} CPU min (and {made / 60:.1f} to make the spikes), peak {peak:.2f} GB; spikes near another unit's: "
        f"{100 * off:+.2f} % off the value of independent trains"
    )


def a_day_from_file(units: int = 1000, duration: float = 86400.0, rate: float = 5.0) -> str:
    """The whole metric, as the workflow takes it: the file is opened, and its spikes are read piece by piece.

    Writing it is not timed; it needs 1.5 GB of disk. Peak: of the reading process, which is another one than the writing one.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.nc"
        if (child := os.fork()) == 0:
            write(unread(np.full(units, rate), duration, np.random.default_rng(1)), path)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the file could not be written")
        before, wall, began = resident("VmRSS"), time.perf_counter(), time.process_time()
        forget_peak()
        one = open_dataset(path)
        found = measure([one], "spike_time_tiling_coefficient", window=WINDOW).spike_time_tiling_coefficient.values
        took, wall = time.process_time() - began, time.perf_counter() - wall
        size, spikes = path.stat().st_size, one.sizes["spike"]
        one.close()
    return (
        f"STTC of all pairs, {units} units x {duration / 3600:g} h x {rate:g} Hz ({spikes / 1e6:.0f} million spikes) from a file "
        f"of {size / 1e9:.2f} GB, one core: {took / 60:.1f} CPU min, {wall / 60:.1f} min of wall time, peak "
        f"{resident('VmHWM') / 1e9:.2f} GB ({before / 1e9:.2f} GB before); mean over units {np.mean(found):+.1e}, largest "
        f"{np.abs(found).max():.1e}"
    )


def linear() -> str:
    """CPU time of the metrics of single units at 1, 2 and 4 times as many spikes, best of five."""
    told = []
    names = (
        "fano_factor",
        "coefficient_of_variation",
        "max_interval_burst_rate",
        "log_interval_burst_rate",
        "rank_surprise_burst_rate",
    )
    for name in names:
        metric, each = catalogue.load("metrics", name), []
        metric(synthetic.activity([synthetic.poisson_train(5.0, 100.0, np.random.default_rng(1))], 100.0))  # compiled
        for times in (1, 2, 4):
            rng = np.random.default_rng(1)
            one = synthetic.activity([synthetic.poisson_train(5.0, 7200.0 * times, rng) for _ in range(50)], 7200.0 * times)
            runs = []
            for _ in range(5):
                began = time.process_time()
                metric(one)
                runs.append(time.process_time() - began)
            each.append(min(runs))
        told.append(f"{name} {' '.join(f'{t:.2f}' for t in each)}")
    return f"50 units x 5 Hz x 2, 4 and 8 h, CPU s: {'; '.join(told)}"
