"""Neurodata Without Borders, written with pynwb: neo's writer drops what is known of units."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import DataError
from homeoanalysis.export import content

_BLOCK = 2**20  # values that are written at once
_PLACES = content.PLACES | {"rate", "time"}


def write_nwb(activity: xr.Dataset, path: Path) -> None:
    """Units with what is known of them and when each was isolated, signals in their segments, epochs, trials and states.

    The format wants the date of the session, which an activity does not know: it is 1970-01-01, and the description says so.
    All attributes stand in `notes`, as JSON. Raises DataError for weights and counts in bins, and for a file that does not
    hold what was written.
    """
    import pynwb

    content.refuse(activity, _PLACES, "nwb")
    a = activity.attrs
    day = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(
        session_description=f"{a['source']} ({a['source_kind']}), replicate {a['replicate']}; 1970 stands for an unknown date",
        identifier=f"{a['source']}/{a['replicate']}",
        session_start_time=day,
        file_create_date=day,
        session_id=str(a["session"]) or None,
        notes=content.attributes(activity),
        subject=pynwb.file.Subject(subject_id=str(a["subject"]), description=str(a["factors"])),
    )
    observed = pynwb.epoch.TimeIntervals("segments", description="observed time")
    for start, stop in content.observed(activity):
        observed.add_interval(start_time=start, stop_time=stop)
    file.add_time_intervals(observed)
    _units(activity, file)
    _signals(activity, file)
    if "rate" in activity:
        attributes = {
            "description": str(activity.rate.attrs.get("long_name", "firing rate")),
            "comments": content.known(activity),
        }
        series = pynwb.TimeSeries(
            "rate", data=activity.rate.values.T, unit=activity.rate.attrs["units"], timestamps=activity.time.values, **attributes
        )
        file.add_acquisition(series)
    for kind in content.INTERVALS:
        found = content.intervals(activity, kind)
        if found:
            table = pynwb.epoch.TimeIntervals(f"{kind}s", description=f"{kind}s with their labels")
            table.add_column("label", "stimulus" if kind == "trial" else f"name of the {kind}")
            for start, stop, label in found:
                table.add_interval(start_time=start, stop_time=stop, label=label)
            setattr(file, f"{kind}s", table) if kind != "state" else file.add_time_intervals(table)
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    _count(activity, path)


def _units(activity: xr.Dataset, file: Any) -> None:
    trains = content.trains(activity)
    if not trains:
        return
    known = [key for key in (*content.LABELS, "x", "y") if key in activity]
    file.add_unit_column("unit_name", "name of the unit")
    for key in known:
        file.add_unit_column(key, f"{activity[key].attrs.get('long_name', key)} {activity[key].attrs.get('units', '')}".strip())
    edges = np.array(content.observed(activity), float)
    for k, (name, times) in enumerate(trains):
        more = content.labels(activity, k) | content.place(activity, k)
        file.add_unit(spike_times=times, obs_intervals=edges[content.isolated(activity, k)], unit_name=name, **more)


def _signals(activity: xr.Dataset, file: Any) -> None:
    import pynwb

    electrodes = None
    for part in content.parts(activity):
        v = part.variable
        step = v.attrs.get("step")
        series: dict[str, Any] = {
            "name": f"{part.name}_{part.segment}",
            "data": _streamed(part, step),
            "rate": float(v.attrs["sampling_rate"]),
            "starting_time": part.t_start,
            "description": str(v.attrs.get("long_name", part.name)),
            "comments": part.described(),
            "conversion": 1.0 if step is None else float(step),
        }
        if part.name == "lfp" and v.attrs["units"] == "V":
            if electrodes is None:
                electrodes = _electrodes(file, part.channels)
                module = file.create_processing_module("ecephys", "local field potentials")
                field = pynwb.ecephys.LFP()
                module.add(field)
            field.add_electrical_series(pynwb.ecephys.ElectricalSeries(electrodes=electrodes, **series))
        else:
            file.add_acquisition(pynwb.TimeSeries(unit=v.attrs["units"], **series))


def _electrodes(file: Any, channels: list[str]) -> Any:
    device = file.create_device("unknown")
    group = file.create_electrode_group("unknown", description="not known", location="unknown", device=device)
    file.add_electrode_column("channel_name", "name of the channel")
    for name in channels:
        file.add_electrode(group=group, location="unknown", channel_name=name)
    return file.create_electrode_table_region(list(range(len(channels))), "the channels, in order")


def _streamed(part: content.Part, step: float | None) -> Any:
    """The samples, read while they are written; whole numbers of steps where the signal has a step."""
    from hdmf.backends.hdf5.h5_utils import H5DataIO
    from hdmf.data_utils import GenericDataChunkIterator

    n_channels = len(part.channels)
    dtype = np.dtype(np.int16 if step is not None else part.variable.dtype)

    class Stream(GenericDataChunkIterator):
        def _get_data(self, selection: tuple[slice, ...]) -> Any:
            rows, columns = selection
            values = part.values(rows.start, rows.stop)[:, columns]
            return np.rint(values / step).astype(dtype) if step is not None else values

        def _get_maxshape(self) -> tuple[int, int]:
            return part.n_samples, n_channels

        def _get_dtype(self) -> np.dtype[Any]:
            return dtype

    rows = min(part.n_samples, max(1, _BLOCK // n_channels))
    return H5DataIO(
        Stream(buffer_shape=(rows, n_channels), chunk_shape=(min(rows, 2**14), min(n_channels, 16))),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )


def _count(activity: xr.Dataset, path: Path) -> None:
    """Raises DataError unless the file holds as many spikes, units and samples as the activity."""
    import h5py

    with h5py.File(path) as file:
        units = file.get("units", {})
        spikes = units["spike_times"].shape[0] if "spike_times" in units else 0
        n_units = units["id"].shape[0] if "id" in units else 0
        samples = 0
        for place in ("acquisition", "processing/ecephys/LFP"):
            group = file.get(place, {})
            samples += sum(group[name]["data"].size for name in group if name != "rate")
    expected = sum(part.n_samples * len(part.channels) for part in content.parts(activity))
    found = (spikes, n_units, samples)
    wanted = (activity.sizes.get("spike", 0), activity.sizes.get("unit", 0) if "spike_time" in activity else 0, expected)
    if found != wanted:
        raise DataError(f"the file holds {found} spikes, units and samples, not {wanted}; the format lost some of them")
