"""Plain text: one spike time a line, and beside it the stimulus as two columns, time and value."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import neo
import numpy as np
import quantities as pq
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.units import Second


def _table(path: Path, columns: int) -> NDArray[np.float64]:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            lines = [line for line in stream if line.partition("#")[0].strip()]
        table = np.loadtxt(lines, comments="#", ndmin=2) if lines else np.zeros((0, columns))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; fetch it, or mend its name in the YAML") from None
    except ValueError as error:
        raise DataError(
            f"{path.name}: {error}; it must hold {columns} columns of numbers, and comments that start with '#'"
        ) from None
    if table.size and table.shape[1] != columns:
        raise DataError(f"{path.name} has {table.shape[1]} columns, not {columns}; check which file has which role")
    if not np.all(np.isfinite(table)):
        row = int(np.argwhere(~np.isfinite(table))[0, 0])
        raise DataError(f"{path.name}: row {row + 1} of the numbers is not finite; mend or remove it")
    return table


def _header(path: Path) -> dict[str, str]:
    """The comments of the form "# key: value"."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        lines = [line[1:].strip() for line in stream if line.startswith("#")]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}


def spike_text(
    files: Mapping[str, Path], *, time_step: Annotated[Second, Field(gt=0)], stimulus_unit: Literal["V", "dB", "1"] = "1"
) -> neo.Block:
    """Spike times and stimulus from plain text.

    files: role "spikes", a number a line, in units of time_step [s]; role "stimulus", two columns: time in the
    same unit, from 0 at constant steps, and value in stimulus_unit.
    The observed time is that of the stimulus. Comments "# key: value" of the spike file become annotations.
    Raises DataError for missing roles, text that is no table, and times that are no constant steps.
    """
    absent = {"spikes", "stimulus"} - set(files)
    if absent:
        raise DataError(f"reader spike_text needs the files 'spikes' and 'stimulus'; {', '.join(sorted(absent))} is not given")
    times = _table(files["spikes"], 1)[:, 0]
    stimulus = _table(files["stimulus"], 2)
    step = np.diff(stimulus[:, 0])
    if step.size < 1 or np.ptp(step) > 1e-6 * abs(step[0]) or step[0] <= 0 or stimulus[0, 0] != 0:
        raise DataError(f"{files['stimulus'].name}: times do not run from 0 in constant steps; resample the stimulus")
    dt = step[0] * time_step
    stop = stimulus.shape[0] * dt
    block = neo.Block()
    block.annotations |= {k.replace(" ", "_"): v for k, v in _header(files["spikes"]).items() if k.isprintable()}
    segment = neo.Segment()
    train = spike_train(times * time_step, 0.0, stop, name="unit0", tick=time_step)
    units = {"V": pq.V, "dB": pq.dimensionless, "1": pq.dimensionless}[stimulus_unit]
    signal = neo.AnalogSignal(
        stimulus[:, 1] * units, sampling_rate=(1 / dt) * pq.Hz, name="stimulus", role="covariate", unit_name=stimulus_unit
    )
    segment.spiketrains.append(train)
    segment.analogsignals.append(signal)
    block.segments.append(segment)
    return block
