"""Large variables: streamed to disk, read where they are used, and the same values as in one piece."""

import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import resident
import xarray as xr
from running import list_workflow_code
from xarray.backends import BackendArray
from xarray.core import indexing

from homeoanalysis import catalogue
from homeoanalysis.contracts import blocks, open_dataset, write
from homeoanalysis.errors import ContractError
from homeoanalysis.numerics import merged, observed, synthetic
from homeoanalysis.provenance import rng_for

pytestmark = pytest.mark.recorded(code=list_workflow_code())

STEP = 1e-6


def recorded(n: int, channels: int = 3, step: float | None = STEP) -> xr.Dataset:
    """A signal of whole steps, with a gap in it, beside a few spikes."""
    values = rng_for(5, "blocks", n, channels).integers(-32768, 32768, (channels, n)) * STEP
    values[0, :3] = -32768 * STEP, -32767 * STEP, 32767 * STEP
    if not step:
        values[0, n // 2] = np.nan
    attributes = {"units": "V", "sampling_rate": 100.0} | ({"step": step} if step else {})
    one = synthetic.activity([np.array([0.5, 1.0])], n / 100.0)
    return one.assign(
        lfp=(("lfp_channel", "lfp_sample"), values, attributes),
        lfp_first_sample=("segment", [0], {"units": "1"}),
        lfp_sample_count=("segment", [n], {"units": "1"}),
        lfp_t_start=("segment", [0.0], {"units": "s"}),
    ).assign_coords(lfp_channel=[f"c{k}" for k in range(channels)])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGE", 500)
    monkeypatch.setattr(blocks, "_BLOCK", 300)
    monkeypatch.setattr(blocks, "_CHUNK", (16, 64))


@pytest.mark.parametrize("step", [STEP, None])
@pytest.mark.parametrize("group", ["", "a"])
def test_what_is_streamed_is_what_is_written_whole(
    step: float | None, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recorded(1001, step=step)
    write({group: one} if group else one, tmp_path / "whole.nc")
    monkeypatch.setattr(blocks, "LARGE", 500)
    monkeypatch.setattr(blocks, "_CHUNK", (16, 64))
    write({group: one} if group else one, tmp_path / "streamed.nc")
    back = [open_dataset(tmp_path / f"{name}.nc", group or None) for name in ("whole", "streamed")]
    assert not isinstance(back[1].lfp.variable._data, np.ndarray)  # still on disk
    for each in back:
        xr.testing.assert_identical(each, one)
    if not group:
        with netCDF4.Dataset(tmp_path / "streamed.nc") as file:
            assert file["lfp"].dtype == (np.int16 if step else np.float64)
            assert file["lfp"].filters()["zlib"]


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
def test_the_width_of_blocks_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorded(2000)
    for block in (1, 300, 10**6):
        monkeypatch.setattr(blocks, "_BLOCK", block)
        write(one, tmp_path / f"{block}.nc")
        xr.testing.assert_identical(open_dataset(tmp_path / f"{block}.nc"), one)
    write(one, tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == (tmp_path / f"{10**6}.nc").read_bytes()


@pytest.mark.usefixtures("small_blocks")
def test_a_part_is_read_without_the_rest(tmp_path: Path) -> None:
    one = recorded(5000)
    write(one, tmp_path / "one.nc")
    back = open_dataset(tmp_path / "one.nc")
    np.testing.assert_array_equal(back.lfp[1:, 77:300].values, one.lfp.values[1:, 77:300])
    np.testing.assert_array_equal(back.isel(lfp_channel=[2]).lfp.values, one.lfp.values[[2]])


class _Computed(BackendArray):
    """A signal that is computed when it is read, and says how much of it at once."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype, self.most = values, values.shape, values.dtype, 0

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple) -> np.ndarray:
        found = self.values[key]
        self.most = max(self.most, found.size)
        return found


@pytest.mark.usefixtures("small_blocks")
def test_a_signal_may_be_computed_while_it_is_written(tmp_path: Path) -> None:
    one = recorded(5000)
    computed = _Computed(one.lfp.values)
    lazy = xr.Variable(one.lfp.dims, indexing.LazilyIndexedArray(computed), one.lfp.attrs)
    write(one.assign(lfp=lazy), tmp_path / "one.nc")
    assert 0 < computed.most <= 3 * 128
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.3 * STEP, r"holds values that are no multiples of its step of 1e-06"),
        (40000 * STEP, r"values above 32767 steps"),
        (np.nan, r"misses 1 values"),
    ],
)
def test_values_that_packing_would_change_are_refused(
    value: float, message: str, is_streamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_streamed:
        monkeypatch.setattr(blocks, "LARGE", 500)
    one = recorded(1000)
    one.lfp.values[2, 999] = value
    with pytest.raises(ContractError, match=message):
        write(one, tmp_path / "one.nc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [None, "late", "unsorted", "between ticks", "NaN"])
def test_many_spikes_are_checked_in_blocks(fault: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGE", 500)
    monkeypatch.setattr(blocks, "_BLOCK", 100)
    monkeypatch.setattr(blocks, "_CHUNK", (16, 64))
    trains = [np.sort(rng_for(5, "many", k).integers(0, 10**7, n)) * 1e-6 for k, n in enumerate((640, 0, 700, 64))]
    one = synthetic.activity(trains, 10.0)
    one.spike_time.attrs["tick"] = 1e-6
    changed = {"late": (700, 11.0), "unsorted": (64, 9.5), "between ticks": (1000, None), "NaN": (1300, np.nan)}
    if fault:
        at, value = changed[fault]
        one.spike_time.values[at] = one.spike_time.values[at] + 0.4e-6 if value is None else value
        told = {"late": "1 spikes lie outside", "unsorted": "not sorted", "between ticks": "tick", "NaN": "1 spike times are not"}
        with pytest.raises(ContractError, match=told[fault]):
            write(one, tmp_path / "one.nc")
        return
    write(one, tmp_path / "one.nc")
    back = open_dataset(tmp_path / "one.nc")
    xr.testing.assert_identical(back, one)
    assert isinstance(back.spike_time.variable._data, np.ndarray)


@pytest.mark.slow
def test_writing_and_opening_need_no_memory_for_the_whole(tmp_path: Path) -> None:
    """A signal of 512 MB as numbers, of which a process may hold less than 150 MB more than it starts with."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(resident.__file__).parent)!r})
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.numerics import merged, observed, synthetic
from resident import resident

class Zeros(BackendArray):
    shape, dtype = (16, 4_000_000), np.dtype(float)
    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self.read)
    def read(self, key):
        return np.zeros([len(range(*k.indices(n))) for k, n in zip(key, self.shape)])

attributes = {{"units": "V", "sampling_rate": 1e3, "step": 1e-6}}
lfp = xr.Variable(("lfp_channel", "lfp_sample"), indexing.LazilyIndexedArray(Zeros()), attributes)
one = synthetic.activity([np.array([0.5])], 4000.0).assign(
    lfp=lfp,
    lfp_first_sample=("segment", [0], {{"units": "1"}}),
    lfp_sample_count=("segment", [4_000_000], {{"units": "1"}}),
    lfp_t_start=("segment", [0.0], {{"units": "s"}}),
)
before = resident("VmRSS")
write(one, {str(tmp_path / "one.nc")!r})
back = open_dataset({str(tmp_path / "one.nc")!r})
assert back.lfp.shape == (16, 4_000_000) and float(back.lfp[3, -5:].values.sum()) == 0
print((resident("VmHWM") - before) / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 150


def test_very_many_spikes_are_read_where_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the file is opened: the rate of each unit is that of the loaded file."""
    trains = [np.linspace(0.1, 9.9, 50 + 10 * k) for k in range(4)]
    write(synthetic.activity(trains, 10.0), tmp_path / "a.nc")
    loaded = open_dataset(tmp_path / "a.nc")
    monkeypatch.setattr("homeoanalysis.contracts.blocks.LARGE", 10)
    monkeypatch.setattr("homeoanalysis.contracts.storage.SPIKES_IN_MEMORY", 100)
    left = open_dataset(tmp_path / "a.nc")
    assert isinstance(loaded.spike_time.variable._data, np.ndarray)
    assert not isinstance(left.spike_time.variable._data, np.ndarray)
    firing_rate = catalogue.load("metrics", "firing_rate")
    xr.testing.assert_equal(firing_rate(left), firing_rate(loaded))
    left.close()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["spike_time_tiling_coefficient", "correlation_index"])
def test_pairs_of_very_many_spikes_are_counted_without_loading_them(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over gaps, epochs and units that are not always isolated: equal to the loaded file, and no more than a unit is read."""
    rng = rng_for(1, "long trains")
    one = synthetic.activity(
        synthetic.copied_trains(5, 4.0, 0.4, 90.0, rng), 90.0, epochs={"early": (0.0, 41.0), "late": (52.5, 90.0)}
    )
    one = observed.restrict(one, np.array([0.0, 30.0, 61.0]), np.array([25.0, 58.0, 90.0]))
    one = one.assign(observed=(("unit", "segment"), [[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]], {"units": "1"}))
    write(observed.seen(one), tmp_path / "a.nc")
    loaded = catalogue.load("metrics", metric)(open_dataset(tmp_path / "a.nc"))
    monkeypatch.setattr("homeoanalysis.contracts.blocks.LARGE", 10)
    monkeypatch.setattr("homeoanalysis.contracts.storage.SPIKES_IN_MEMORY", 100)
    monkeypatch.setattr(merged.pieces, "__defaults__", (50,))
    left = open_dataset(tmp_path / "a.nc")
    largest = int(left.spike_count.max())
    read: list[int] = []
    values = xr.Variable.values.fget

    def watched(variable: xr.Variable) -> np.ndarray:
        found = values(variable)
        if variable.dims == ("spike",):
            read.append(found.size)
        return found

    monkeypatch.setattr(xr.Variable, "values", property(watched, xr.Variable.values.fset))
    xr.testing.assert_equal(catalogue.load("metrics", metric)(left), loaded)
    assert 0 < max(read) <= largest
    left.close()
