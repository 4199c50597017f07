"""Memory and time of ingesting long recordings, as benchmarks/ingest.py makes them: 64 channels at 1 kHz, 100 units at 5 Hz."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from ingest import measured

LIMIT = 1.0  # GB


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, float]:
    return measured(1.0, tmp_path_factory.mktemp("hour"))


@pytest.mark.slow
def test_one_hour(hour: Mapping[str, float]) -> None:
    """Seen: 0.48 GB. Less than a quarter of the 1.8 GB that the LFP alone is as numbers."""
    assert hour["peak_gigabytes_opened"] < 0.6 * LIMIT
    assert hour["samples"] == 3_600_000


@pytest.mark.slow
def test_channels_that_neo_reads(tmp_path: Path) -> None:
    """Marked as LFP under `any_neo`. Seen: 0.40 GB at 0.05 h, 0.46 GB at 0.5 h; at 0.4 h the LFP alone is 0.74 GB in doubles.

    neo maps the file, and the pages of it that were read count here until the kernel wants the memory back.
    """
    found = measured(0.4, tmp_path, "any_neo")
    assert found["peak_gigabytes_opened"] < 0.6 * LIMIT
    assert found["samples"] == 1_440_000


@pytest.mark.slow
def test_time_is_linear_and_memory_is_not(hour: Mapping[str, float], tmp_path: Path) -> None:
    """Ten times as long: at most ten times the CPU time and a third, and hardly more memory (spikes, buffers)."""
    short = measured(0.1, tmp_path)
    assert hour["cpu_seconds"] < 10 * 4 / 3 * short["cpu_seconds"]
    assert hour["peak_gigabytes_opened"] < short["peak_gigabytes_opened"] + 0.1


@pytest.mark.nightly
def test_one_day(tmp_path: Path) -> None:
    """23 GB of disk, and half an hour."""
    found = measured(24.0, tmp_path)
    assert found["peak_gigabytes_opened"] < LIMIT
    assert found["samples"] == 86_400_000
