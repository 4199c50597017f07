"""What the machine can do, and what it is busy with."""

import os
import platform
import time
from pathlib import Path

import numpy as np

VERSIONS = ("numba", "numpy", "llvmlite", "homeoanalysis")


def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, times: int) -> None:
    for k in range(times):
        scale = np.float32(k)
        for i in range(a.size):
            a[i] = b[i] + scale * c[i]


def bandwidth(working_set: int) -> float:
    """Bytes per second of a triad (two reads, one write) on arrays that fill `working_set` bytes together; best of nine."""
    size = max(64, working_set // 12)
    import numba  # here: what is compiled first decides the vectors of all, and our engine asks for wide ones

    triad = numba.njit(fastmath=True)(_triad)
    a, b, c = (np.ones(size, np.float32) for _ in range(3))
    times = max(1, int(2e8) // (12 * size))
    triad(a, b, c, 1)
    best = np.inf
    for _ in range(9):
        began = time.process_time()
        triad(a, b, c, times)
        best = min(best, time.process_time() - began)
    return 12 * size * times / best


def description() -> str:
    """The processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, {platform.system()}"
