"""The MAT files of Rozenfeld et al. 2023: rasters, and counts in bins, of olfactory projection neurons.

Evidence: doi:10.1038/s41467-023-38575-6 and its repository. Each variable is one genotype and odour; rows 10 i to 10 i + 9 are
the ten repeats of fly i, of which one neuron was recorded. Rasters: 0 or 1 in 80001 samples at 20 kHz (4 s, odour from 0.5 s on).
Counts: 80 bins of 50 ms, as they are (figure 1C) or times 20, in Hz (figures 2, 4 and 6). The counts of figure 1C add up to
those of the rasters (67064 spikes of isoamyl acetate, control), but in another order of flies.
"""

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.mat import read_mat
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.numerics.neo_objects import trial as marked_trial

if TYPE_CHECKING:
    import neo

_REPEATS = 10
_SAMPLE, _BIN = 1 / 20_000, 0.05  # s
_INTERVAL = 5.0  # s from one trial to the next; the true one is not known, so that trials must not touch


def rozenfeld_mat(
    files: Mapping[str, Path],
    *,
    values: Literal["raster", "count", "rate"],
    variables: str = "{odour}",
    odours: str = "",
    fly: Annotated[int, Field(ge=0)] = 0,
    flies: Annotated[int, Field(ge=1)] = 1,
) -> "neo.Block":
    """One fly: a segment and a trial for each repeat, 5 s apart, with the odour as the stimulus.

    files: role "recording", a MAT file. values: what the file holds. variables: the name of its variables, with {odour}
    where the odour's name stands. odours: separated by spaces; of one fly, one after the other. fly: from 0 on.
    flies: how many, one after the other, as if they were one unit: for what is asked of neurons of any fly.
    A raster gives spikes, the others counts in bins of 50 ms.
    Raises DataError if there are no such variables or flies, or what they hold is neither.
    """
    import neo

    if set(files) != {"recording"}:
        raise DataError(f"reader rozenfeld_mat needs one file, 'recording', not {', '.join(sorted(files))}")
    path, names = files["recording"], odours.split()
    if not names:
        raise DataError("reader rozenfeld_mat needs odours: their names, separated by spaces")
    if len(set(names)) < len(names):
        raise DataError(f"odours names {max(names, key=names.count)!r} twice, whose trials would count twice; remove one")
    block = neo.Block()
    variable_of = {name: variables.replace("{odour}", name) for name in names}
    tables = {name: _table(path, variable, path.stat().st_mtime_ns) for name, variable in variable_of.items()}
    for one, name in itertools.product(range(fly, fly + flies), names):
        variable = variable_of[name]
        for row in _rows(path, variable, tables[name], one):
            segment = neo.Segment(index=len(block.segments))
            start = _INTERVAL * len(block.segments)
            stop = start + row.size * (_SAMPLE if values == "raster" else _BIN)
            if values == "raster":
                segment.spiketrains.append(_train(path, variable, row, start, stop))
            else:
                segment.analogsignals.append(_counts(path, variable, row if values == "count" else row * _BIN, start))
            segment.epochs.append(marked_trial(start, stop, name))
            block.segments.append(segment)
    return block


@functools.lru_cache(maxsize=1)  # unpacking 58 MB for each of 72 flies takes longer than all else
def _table(path: Path, variable: str, changed: int) -> NDArray[np.float64]:
    found = read_mat(path, [variable])
    if variable not in found:
        raise DataError(f"{path.name} has no variable {variable!r}; {did_you_mean(variable, read_mat(path, None))}")
    table = np.asarray(found[variable])
    table.flags.writeable = False
    return table


def _rows(path: Path, variable: str, table: NDArray[np.float64], fly: int) -> NDArray[np.float64]:
    if table.ndim != 2 or table.dtype.kind not in "iuf" or table.shape[0] % _REPEATS:
        raise DataError(f"{path.name}: {variable} is {table.dtype} {table.shape}, not {_REPEATS} rows of numbers for each fly")
    if (fly + 1) * _REPEATS > table.shape[0]:
        raise DataError(f"{path.name}: {variable} has {table.shape[0] // _REPEATS} flies, and fly is {fly}; they count from 0 on")
    return table[fly * _REPEATS : (fly + 1) * _REPEATS].astype(float)


def _train(path: Path, variable: str, row: NDArray[np.float64], start: float, stop: float) -> "neo.SpikeTrain":
    if not np.all(np.isin(row, (0, 1))):
        raise DataError(f"{path.name}: {variable} holds {row[~np.isin(row, (0, 1))][0]:g}, but a raster is 0 and 1; mend values")
    first = round(start / _SAMPLE)
    times = (first + np.flatnonzero(row)).astype(np.float64) * _SAMPLE
    return spike_train(times, start, stop, name="PN", file=path.name, tick=_SAMPLE, region="antennal lobe")


def _counts(path: Path, variable: str, row: NDArray[np.float64], start: float) -> "neo.AnalogSignal":
    import neo
    import quantities as pq

    whole = np.rint(row)
    if not np.all(np.isfinite(row)) or np.any(row < 0) or np.any(np.abs(row - whole) > 1e-6):
        raise DataError(f"{path.name}: {variable} holds values that are no whole counts of spikes; mend values (count or rate)")
    return neo.AnalogSignal(
        whole[:, None], units="dimensionless", sampling_rate=pq.Hz / _BIN, t_start=start * pq.s, name="PN", role="binned_count",
        array_annotations={"region": ["antennal lobe"]},
    )  # fmt: skip
