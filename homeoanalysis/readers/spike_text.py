"""Plain text: one spike time a line, and beside it, if there was one, the stimulus as two columns, time and value."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.units import Duration, Second

if TYPE_CHECKING:
    import neo


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that hold more than a comment, each with its number in the file, from 1 on."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            if content := line.partition("#")[0].strip():
                yield number, content


def _table(path: Path, columns: int) -> NDArray[np.float64]:
    try:
        lines = [content for _, content in _rows(path)]
        table = np.loadtxt(lines, ndmin=2) if lines else np.zeros((0, columns))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); mend its name in the YAML, or its permissions") from None
    except ValueError:
        raise DataError(f"{path.name}: {_first_fault(path, columns)}") from None
    if table.size and table.shape[1] != columns:
        raise DataError(f"{path.name} has {table.shape[1]} columns, not {columns}; check which file has which role")
    if not np.all(np.isfinite(table)):
        row = int(np.argwhere(~np.isfinite(table))[0, 0])
        number = next(islice(_rows(path), row, None))[0]
        raise DataError(f"{path.name}: line {number} holds a number that is not finite; mend or remove it")
    return table


def _first_fault(path: Path, columns: int) -> str:
    what = "one number" if columns == 1 else f"{columns} numbers"
    mend = f"each line must hold {what}: mend it, or if it is a heading, delete it or begin it with '#'"
    for number, content in _rows(path):
        try:
            is_right = len([float(word) for word in content.split()]) == columns
        except ValueError:
            is_right = False
        if not is_right:
            return f"line {number} is {content[:40]!r}; {mend}"
    return f"is no table of numbers; {mend}"


def _header(path: Path) -> dict[str, str]:
    """The comments of the form "# key: value"."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        lines = [line[1:].strip() for line in stream if line.startswith("#")]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}


def spike_text(
    files: Mapping[str, Path],
    *,
    time_step: Annotated[Second, Field(gt=0)],
    duration: Annotated[Duration, Field(gt=0)] | None = None,
    stimulus_unit: Literal["V", "dB", "1"] = "1",
    may_be_silent: bool = False,
) -> "neo.Block":
    """Spike times of one unit, and its stimulus, from plain text.

    files: role "spikes", a number a line, in units of time_step [s]; role "stimulus", which may be absent, two columns:
    time in the same unit, from 0 at constant steps, and value in stimulus_unit.
    duration: observed time, from 0 on, without a stimulus; with one it is the stimulus's.
    may_be_silent: a file without a spike is a unit that fired none; else it is an error, since more often it is damaged.
    Comments "# key: value" of the spike file become annotations.
    Raises DataError for missing roles, text that is no table or empty, times that are no constant steps, and no observed time.
    """
    import neo
    import quantities as pq

    if "spikes" not in files or set(files) - {"spikes", "stimulus"}:
        raise DataError(f"reader spike_text needs the file 'spikes', and may have 'stimulus'; given: {', '.join(sorted(files))}")
    if ("stimulus" in files) == (duration is not None):
        raise DataError(
            "reader spike_text takes the observed time from the file 'stimulus' or from its parameter duration; give one of them"
        )
    times = _table(files["spikes"], 1)[:, 0]
    if not (times.size or may_be_silent):
        raise DataError(
            f"{files['spikes'].name} holds no spike time; replace it, or if the unit was silent, write may_be_silent: true "
            "among the parameters of the reader spike_text"
        )
    block, segment = neo.Block(), neo.Segment(tells_its_end=False)
    block.annotations |= {k.replace(" ", "_"): v for k, v in _header(files["spikes"]).items() if k.isprintable()}
    block.segments.append(segment)
    if "stimulus" in files:
        stimulus, dt = _stimulus(files["stimulus"], time_step)
        duration = stimulus.size * dt
        units = {"V": pq.V, "dB": pq.dimensionless, "1": pq.dimensionless}[stimulus_unit]
        annotations = {"role": "covariate", "unit_name": stimulus_unit}
        signal = neo.AnalogSignal(stimulus * units, sampling_rate=(1 / dt) * pq.Hz, name="stimulus", **annotations)
        segment.analogsignals.append(signal)
    assert duration is not None  # one of the two is given
    is_whole = bool(np.all(times == np.rint(times)))
    tick = time_step if is_whole else None
    train = spike_train(times * time_step, 0.0, duration, name="unit0", file=files["spikes"].name, tick=tick)
    segment.spiketrains.append(train)
    return block


def _stimulus(path: Path, time_step: float) -> tuple[NDArray[np.float64], float]:
    """The values, and the time from one to the next [s]."""
    table = _table(path, 2)
    step = np.diff(table[:, 0])
    if step.size < 1 or np.ptp(step) > 1e-6 * abs(step[0]) or step[0] <= 0 or table[0, 0] != 0:
        raise DataError(f"{path.name}: times do not run from 0 in constant steps; resample the stimulus")
    return table[:, 1], float(step[0] * time_step)
