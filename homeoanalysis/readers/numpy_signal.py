"""Signals as numpy arrays: an .npy file for each channel, or one for all of them.

Evidence: the format is numpy's own (numpy.lib.format); the two files of config/recordings/hc3_lfp_ca1_ec3.yaml.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import read_npy
from homeoanalysis.units import Quantity, SamplingRate, number_and_unit, unit

if TYPE_CHECKING:
    import neo


def numpy_signal(
    files: Mapping[str, Path],
    *,
    sampling_rate: Annotated[SamplingRate, Field(gt=0)],
    scale: Quantity,
    kind: Literal["lfp", "membrane_potential", "current", "covariate"] = "lfp",
    channels: list[str] | None = None,
) -> "neo.Block":
    """One segment that starts at 0 s.

    files: channel: an array of its samples; or role "recording", an array (sample, channel) for the names in `channels`.
    scale: what 1 in the file stands for, e.g. "1 mV". kind: what the signal is.
    Raises DataError for arrays that are no finite numbers, or differ in length, or hold Python objects (which would be code).
    """
    import neo
    import quantities as pq

    arrays = {role: _array(path) for role, path in files.items()}
    if channels is not None:
        if set(files) != {"recording"} or arrays["recording"].ndim != 2 or arrays["recording"].shape[1] != len(channels):
            shapes = {role: a.shape for role, a in arrays.items()}
            raise DataError(
                f"channels are {channels}, and the arrays {shapes}; one array 'recording' (sample, channel) is needed"
            )
        arrays = dict(zip(channels, arrays["recording"].T, strict=True))
    lengths = {role: a.shape for role, a in arrays.items()}
    if any(a.ndim != 1 for a in arrays.values()) or len(set(lengths.values())) != 1:
        raise DataError(
            f"the channels have the shapes {lengths}; each needs one dimension and all the same length, or name channels"
        )
    try:
        factor, of = number_and_unit(scale)
        base = _BASES[unit(of)[1]]
        if factor == 0 or not np.isfinite(factor):
            raise ValueError
    except (ValueError, KeyError):
        raise DataError(
            f"scale is {scale!r}; write what 1 in the file stands for, such as '1 mV', '0.195 uV', '1 pA' or '1'"
        ) from None
    segment = neo.Segment()
    for name, values in arrays.items():
        if not np.all(np.isfinite(values)):
            raise DataError(f"{files.get(name, files.get('recording'))}: {np.sum(~np.isfinite(values))} samples are not finite")
        segment.analogsignals.append(
            neo.AnalogSignal(
                values[:, None] * factor,
                units=base if base != "1" else "dimensionless",
                sampling_rate=sampling_rate * pq.Hz,
                name=name,
                role=kind,
                unit_name=base,
            )
        )
    block = neo.Block()
    block.segments.append(segment)
    return block


_BASES = {unit(base)[1]: base for base in ("V", "A", "m", "1")}


def _array(path: Path) -> np.ndarray:
    try:
        array = read_npy(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path.name} is no readable array of numbers ({str(error)[:100]}); save it with numpy.save") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf" or array.size == 0:
        raise DataError(f"{path.name} holds no array of numbers; save each channel with numpy.save")
    return array.astype(float)
