"""Large variables: to disk and through checks block by block, so that no step needs more memory for a longer recording."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import ContractError

LARGE = 2**22  # values; a variable with more is never copied whole
_BLOCK = 2**20  # values that are looked at together, or as many as one chunk of each channel has
_CHUNK = 2**12, 2**16  # least and most values of one channel that are compressed together
_INT16 = np.iinfo(np.int16)
_EXACT = 1e-3  # of a step; what a double loses in a quotient


class Packing(NamedTuple):
    """How a variable whose values are whole multiples of a step is stored."""

    dtype: np.dtype[Any]
    step: float
    fill: int | None  # what stands for a missing value; None where there is none


def is_large(variable: xr.Variable) -> bool:
    """Whether a variable is read, checked and written in blocks."""
    return variable.dtype.kind in "iuf" and variable.size > LARGE


def is_appended(variable: xr.Variable) -> bool:
    """Whether a variable is added to a file after all else: what is large, and what xarray does not pack as it should be."""
    return is_large(variable) or "step" in variable.attrs


def packing(variable: xr.Variable) -> Packing | None:
    """None for a variable that is stored as it is.

    Attribute `tick` [s]: times are whole multiples of it, of any size. Attribute `step`: a signal is, from -32768 to 32767 steps.
    """
    if "tick" in variable.attrs:
        return Packing(np.dtype(np.int64), float(variable.attrs["tick"]), int(np.iinfo(np.int64).min))
    if "step" in variable.attrs:
        return Packing(np.dtype(np.int16), float(variable.attrs["step"]), None)
    return None


def pieces(variable: xr.Variable) -> Iterator[tuple[slice, ...]]:
    """Slices that cover the variable along its longest axis, each of about as many values."""
    axis, width = _axis(variable), _chunk(variable) * _chunks_in_block(variable)
    for start in range(0, variable.shape[axis], width):
        where = [slice(None)] * variable.ndim
        where[axis] = slice(start, min(start + width, variable.shape[axis]))
        yield tuple(where)


def in_memory(variable: xr.Variable) -> xr.Variable:
    """The variable with its values in memory; they are never there twice, as they would be on the way through a decoder."""
    values = np.empty(variable.shape, variable.dtype)
    for where in pieces(variable):
        values[where] = variable[where].values
    return xr.Variable(variable.dims, values, variable.attrs, variable.encoding)


def step_faults(variable: xr.Variable, name: str) -> Iterator[str]:
    """Of a signal that says that its values are whole multiples of a step: the first block in which they are not."""
    for where in pieces(variable) if packing(variable) else ():
        try:
            _packed(variable[where].values, packing(variable), name)
        except ContractError as error:
            yield str(error)
            return


def append(target: netCDF4.Dataset, variables: Mapping[Any, xr.Variable]) -> None:
    """Add large variables to a netCDF file, or a group, that holds all else.

    Raises ContractError for values that packing would round.
    """
    for name, variable in variables.items():
        for dim, size in variable.sizes.items():
            if dim not in target.dimensions:
                target.createDimension(str(dim), size)
        pack = packing(variable)
        dtype = pack.dtype if pack else variable.dtype
        fill = pack.fill if pack else np.nan if dtype.kind == "f" else None
        fill = False if fill is None and pack else fill  # all 65536 values count
        chunks = [min(n, _chunk(variable)) if k == _axis(variable) else 1 for k, n in enumerate(variable.shape)]
        options: dict[str, Any] = {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": chunks, "fill_value": fill}
        stored = target.createVariable(str(name), dtype, [str(d) for d in variable.dims], **options)
        stored.set_auto_maskandscale(False)
        stored.setncatts({**variable.attrs, **({"scale_factor": pack.step} if pack else {})})
        for where in pieces(variable):
            values = variable[where].values
            stored[where] = _packed(values, pack, str(name)) if pack else values


def _packed(values: NDArray[np.float64], pack: Packing | None, name: str) -> NDArray[Any]:
    assert pack is not None
    ratio = values / pack.step
    missing = np.isnan(ratio)
    if pack.fill is None and missing.any():
        raise ContractError(
            f"variable {name!r} has a step, and misses {missing.sum()} values, which 16 bits cannot; remove the step"
        )
    whole = np.where(missing, 0 if pack.fill is None else pack.fill, np.rint(ratio))
    if np.any(np.abs(ratio - whole)[~missing] > _EXACT):
        raise ContractError(f"variable {name!r} holds values that are no multiples of its step of {pack.step:g}; remove the step")
    if pack.dtype == np.int16 and (whole.max(initial=0) > _INT16.max or whole.min(initial=0) < _INT16.min):
        raise ContractError(f"variable {name!r} holds values above {_INT16.max} steps of {pack.step:g}; write a larger step")
    return np.asarray(whole.astype(pack.dtype))


def _axis(variable: xr.Variable) -> int:
    return int(np.argmax(variable.shape))


def _across(variable: xr.Variable) -> int:
    return max(1, variable.size // max(1, variable.shape[_axis(variable)]))


def _chunk(variable: xr.Variable) -> int:
    """Values along the longest axis in one chunk on disk: a power of two, less where there are very many channels."""
    least, most = _CHUNK
    return int(np.clip(2 ** int(np.log2(max(1, LARGE // _across(variable)))), least, most))


def _chunks_in_block(variable: xr.Variable) -> int:
    """A block is of whole chunks, so that none is compressed twice."""
    return max(1, _BLOCK // (_across(variable) * _chunk(variable)))
