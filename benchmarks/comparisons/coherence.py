"""Coherence of all pairs of channels: ours with intervals, beside elephant, scipy and spectral_connectivity."""

import importlib.util
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import quantities as pq
import xarray as xr
from elephant.spectral import multitaper_coherence
from scipy import signal

from homeoanalysis import catalogue
from homeoanalysis.numerics import synthetic_signals as signals

RATE, SEGMENT, TAPERS = 1000, 4.0, 5


def _written(folder: str, channels: int, duration: float) -> Path:
    """A file of channels that share a part, as 16-bit numbers, made a minute at a time."""
    import netCDF4

    rng = np.random.default_rng(1)
    path = Path(folder) / "lfp.nc"
    signals.with_signal([np.array([0.5])], rng.normal(size=(channels, RATE)), RATE).drop_vars("lfp").to_netcdf(path)
    with netCDF4.Dataset(path, "a") as file:
        file["segment_stop"][:] = duration
        file["lfp_sample_count"][:] = round(duration * RATE)
        file.createDimension("lfp_sample", round(duration * RATE))
        chunks = 1, 2**14
        stored = file.createVariable("lfp", "i2", ("lfp_channel", "lfp_sample"), zlib=True, complevel=1, chunksizes=chunks)
        stored.setncatts({"units": "V", "sampling_rate": float(RATE), "scale_factor": 1e-7})
        for start in range(0, round(duration * RATE), 60 * RATE):
            x = rng.normal(size=(channels, 60 * RATE)) + rng.normal(size=60 * RATE)
            stored[:, start : start + 60 * RATE] = 1e-4 * x
    return path


def coherence_of_all_pairs(channels: int = 32, duration: float = 3600.0, pairs: int = 2) -> str:
    """From a lazily opened file; the others take a few pairs in memory, and all of them are extrapolated from these."""
    metric = catalogue.load("metrics", "coherence")
    with tempfile.TemporaryDirectory() as folder:
        path = _written(folder, channels, duration)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with xr.open_dataset(path, decode_times=False, decode_timedelta=False) as activity:
            began = time.process_time()
            metric(activity, segment=SEGMENT)
            ours = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            x = activity.lfp[: pairs + 1].values
    of_elephant, of_scipy = [], []
    for k in range(pairs):
        began = time.process_time()
        multitaper_coherence(
            x[k][None] * pq.V, x[k + 1][None] * pq.V, fs=RATE * pq.Hz, nw=3.0, num_tapers=TAPERS,
            len_segment=int(SEGMENT * RATE), overlap=0.0,
        )  # fmt: skip
        of_elephant.append(time.process_time() - began)
        began = time.process_time()
        signal.coherence(x[k], x[k + 1], fs=RATE, nperseg=int(SEGMENT * RATE), noverlap=0)
        of_scipy.append(time.process_time() - began)
    n = channels * (channels - 1) // 2
    theirs, plain = float(np.median(of_elephant)) * n, float(np.median(of_scipy)) * n
    return (
        f"coherence of {n} pairs, {channels} channels x {duration / 3600:g} h x 1 kHz, with intervals, lazily read: "
        f"ours {ours:.0f} CPU s, peak {peak / 2**20:.2f} GB ({before / 2**20:.2f} GB before); extrapolated from {pairs} pairs: "
        f"elephant {theirs:.0f} CPU s ({theirs / ours:.1f} times), scipy's Welch, one taper and no interval, {plain:.0f} CPU s "
        f"({plain / ours:.1f} times)"
    )


def coherence_beside_spectral_connectivity(channels: int = 16, duration: float = 120.0) -> str:
    """What fits into the memory of the peer, which holds the products of every taper and piece; it gives no interval."""
    if importlib.util.find_spec("spectral_connectivity") is None:
        return "spectral_connectivity is not installed; python3 run.py --with peers python benchmarks/metrics.py"
    from spectral_connectivity import Connectivity, Multitaper

    rng = np.random.default_rng(1)
    n = int(duration * RATE)
    x = rng.normal(size=(channels, n)) + rng.normal(size=n)
    metric = catalogue.load("metrics", "coherence")
    activity = signals.with_signal([np.array([0.5])], x, RATE)
    metric(activity.isel(lfp_channel=[0, 1]), segment=SEGMENT)
    began = time.process_time()
    metric(activity, segment=SEGMENT)
    ours = time.process_time() - began
    began = time.process_time()
    cut = x.reshape(channels, -1, int(SEGMENT * RATE)).transpose(2, 1, 0)
    transform = Multitaper(cut, sampling_frequency=RATE, time_halfbandwidth_product=3, detrend_type="constant")
    Connectivity.from_multitaper(transform, expectation_type="trials_tapers").coherence_magnitude()
    theirs = time.process_time() - began
    return (
        f"coherence, {channels} channels x {duration:g} s x 1 kHz: ours with intervals {ours:.2f} CPU s, spectral_connectivity "
        f"{theirs:.2f} CPU s ({theirs / ours:.1f} times)"
    )
