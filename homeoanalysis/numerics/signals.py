"""What a homeostatic rule senses: each neuron its own rate, all the mean rate, or a messenger that diffuses between them."""

import functools
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.units import Second, parse, quantity

_SquareMetrePerSecond = quantity("m^2/s")


class Diffusing(BaseModel):
    """A messenger, such as nitric oxide, that active neurons release and that diffuses on their torus and decays.

    tau_synthesis dy/dt = f - y for each neuron, with f = rate (linear) or f = c^3 / (c^3 + 1), c = rate x tau_rate, the
    calcium of a rule with a detector `tau_rate` (hill). dN/dt = diffusion Laplacian(N) - N / tau_decay + y at the pixel of the
    neuron. A neuron senses N at its pixel, in units such that the mean over the neurons is 1 where all have y = 1: for
    diffusion 0 that is its own y, low-pass filtered; for infinite diffusion the mean of all.
    The five-point Laplacian is integrated exactly for a source that is constant over a window.

    Source: Sweeney, Hellgren Kotaleski & Hennig 2015, PLoS Comput Biol 11:e1004389, doi:10.1371/journal.pcbi.1004389; the
    defaults are those of the authors' code (ModelDB 183371), but for its 500 pixels.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    diffusion: Annotated[_SquareMetrePerSecond, Field(ge=0)] = 1e-9  # type: ignore[valid-type]
    tau_decay: Annotated[Second, Field(gt=0)] = 10.0
    tau_synthesis: Annotated[Second, Field(gt=0)] = 0.1
    production: Literal["linear", "hill"] = "linear"
    pixels: Annotated[int, Field(ge=2, le=4096)] = 100  # on a side of the torus


def _signal(value: object) -> object:
    if value in ("local", "global") or isinstance(value, Diffusing):
        return value
    if value == "diffusing":
        return Diffusing()
    if isinstance(value, dict) and list(value) == ["diffusing"]:
        try:
            return Diffusing.model_validate(value["diffusing"] or {})
        except ValidationError as error:
            lines = (f"diffusing.{e['loc'][0]} {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
            raise ValueError("; ".join(lines)) from None
    raise ValueError(f"is {value!r}; write local, global, or 'diffusing: {{diffusion: 1000 um^2/s}}'")


Signal = Annotated[
    Literal["local", "global"] | Diffusing, BeforeValidator(_signal), WithJsonSchema({"type": ["string", "object"]})
]


def _target(value: object) -> float | str:
    if value in ("measured", "own"):
        return str(value)
    rate = parse(value, "Hz")
    if rate <= 0:
        raise ValueError(f"is {value!r}; a target is above 0 Hz, since activity is compared with it: raise it")
    return rate


SetPoint = Annotated[
    float | str,
    BeforeValidator(_target),
    WithJsonSchema({"type": "string", "examples": ["5 Hz", "measured", "own"], "unit": "Hz"}),
]


class Sensor(NamedTuple):
    """The signal of a rule on n neurons, and its set point."""

    signal: Any
    seconds: float  # length of a window
    calibration: int  # steps over whose second half the set point is measured
    given: float  # set point; NaN if it is measured
    measured: np.ndarray  # [set point], or one for each neuron; NaN until then
    found: np.ndarray  # [number of windows, sum of the signal while it is measured, or one for each neuron]
    y: np.ndarray  # (n,)
    field: np.ndarray  # (pixels, pixels)


def sensor(signal: Any, target: float | str, calibration: float, n: int, grid: Grid) -> Sensor:
    """target: the rate at which nothing changes [Hz], or `measured`: the mean signal in the second half of `calibration`.

    With `own` it is the mean of each neuron by itself; one that did not fire then gets the rate of one spike in that time.
    Raises ValueError where a set point is measured over no time, where one is given in Hz for calcium, or where neurons
    have set points of their own for a signal that is not their own.
    """
    if isinstance(target, str) and calibration < 2 * grid.window * grid.dt:
        raise ValueError(f"calibration is {calibration:g} s, too short to measure a set point in; write e.g. '60 s'")
    if target == "own" and signal != "local":
        raise ValueError("target_rate is own, but the signal is not local: each neuron would need it; write 'measured'")
    if not isinstance(target, str) and isinstance(signal, Diffusing) and signal.production == "hill":
        raise ValueError(f"target_rate is {target:g} Hz, but with hill the signal is no rate; write 'measured' and a calibration")
    pixels = signal.pixels if isinstance(signal, Diffusing) else 0
    given = np.nan if isinstance(target, str) else float(target)
    points = n if target == "own" else 1
    state = np.full(points, np.nan), np.zeros(1 + points), np.zeros(n), np.zeros((pixels, pixels))
    return Sensor(signal, grid.window * grid.dt, round(calibration / grid.dt), given, *state)


def relative(held: Sensor, window: Window, tau_rate: float | None) -> np.ndarray:
    """The signal of each neuron relative to the set point: 1 where nothing should change, and during the calibration."""
    found = _sensed(held, window, tau_rate)
    if held.calibration < 2 * window.t <= 2 * held.calibration:
        is_own = held.measured.size == found.size
        held.found[0] += 1
        held.found[1:] += found if is_own else found.mean()
        held.measured[:] = held.found[1:] / held.found[0]
        if is_own:  # no set point is 0: nothing could be compared with it
            np.maximum(held.measured, 1 / (held.found[0] * held.seconds), out=held.measured)
    if window.t <= held.calibration:
        return np.ones_like(found)
    return np.asarray(found / (held.measured if np.isnan(held.given) else held.given))


def _sensed(held: Sensor, window: Window, tau_rate: float | None) -> np.ndarray:
    if held.signal == "local":
        return window.rate
    if held.signal == "global":
        return np.full_like(window.rate, window.rate.mean())
    if window.position is None or window.extent is None:
        raise ValueError("signal is diffusing, but the neurons have no place; write the population's extent, e.g. '1 mm'")
    p: Diffusing = held.signal
    source = window.rate
    if p.production == "hill":
        calcium = window.rate * (held.seconds if tau_rate is None else tau_rate)
        source = calcium**3 / (calcium**3 + 1)
    held.y[:] += (source - held.y) * -np.expm1(-held.seconds / p.tau_synthesis)
    place = pixel(window.position, window.extent, p.pixels)
    diffuse(held.field, deposit(held.y, place, p.pixels), p.diffusion, p.tau_decay, window.extent, held.seconds)
    return held.field.ravel()[place] / _unit(p, window.extent, place.tobytes())


@functools.lru_cache(maxsize=8)
def _unit(p: Diffusing, extent: float, place: bytes) -> float:
    """The mean over the neurons of the field in which all of them have released y = 1 for ever."""
    where = np.frombuffer(place, np.int64)
    field = np.zeros((p.pixels, p.pixels))
    diffuse(field, deposit(np.ones(where.size), where, p.pixels), p.diffusion, p.tau_decay, extent, np.inf)
    return float(field.ravel()[where].mean())


def pixel(position: np.ndarray, extent: float, pixels: int) -> np.ndarray:
    """The pixel (row by row) that each position lies in."""
    x, y = np.floor(position / extent * pixels).astype(np.int64).T % pixels
    return np.asarray(x * pixels + y)


def deposit(amount: np.ndarray, place: np.ndarray, pixels: int) -> np.ndarray:
    """The amounts that fall into each pixel."""
    return np.bincount(place, amount, pixels**2).reshape(pixels, pixels)


def diffuse(field: np.ndarray, source: np.ndarray, diffusion: float, tau_decay: float, extent: float, seconds: float) -> None:
    """The field [amount in each pixel] after some seconds with a constant source [amount / s]; it is changed in place."""
    if diffusion == 0:  # no pixel hears of another, and a Fourier transform would take most of the time of a run
        field *= np.exp(-seconds / tau_decay)
        field += source * (-np.expm1(-seconds / tau_decay) * tau_decay)
        return
    keep, gain = _propagator(field.shape[0], diffusion, tau_decay, extent, seconds)
    field[...] = np.fft.irfft2(np.fft.rfft2(field) * keep + np.fft.rfft2(source) * gain, field.shape)


@functools.lru_cache(maxsize=8)
def _propagator(pixels: int, diffusion: float, tau: float, extent: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """What is left of each Fourier mode, and what a unit of source adds to it.

    The eigenvalues are those of the five-point Laplacian: with the continuous one a field could become negative.
    """
    wave = (2 * pixels / extent * np.sin(np.pi * np.fft.fftfreq(pixels))) ** 2
    loss = diffusion * (wave[:, None] + wave[None, : pixels // 2 + 1]) + 1 / tau
    return np.exp(-loss * seconds), -np.expm1(-loss * seconds) / loss
