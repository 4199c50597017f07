"""A sound amplitude in volts becomes a sound pressure level in decibel.

Evidence: the grasshopper files of Rokem et al. 2006 give the amplitude of an uncalibrated signal in volts, and in the
header of the spike file the level that its maximum had at the ear, "intensity (dB)". Gaussian in dB: the standard
deviation is then 5.98 dB in both files, where the header says 6.
"""

from typing import TYPE_CHECKING

import numpy as np

from homeoanalysis.errors import DataError

if TYPE_CHECKING:
    import neo

_REFERENCE = 2e-5  # Pa; the level's reference pressure (ISO 1683); the shift below makes its value immaterial


def sound_pressure_level(block: "neo.Block") -> "neo.Block":
    """Turn the covariate from volts into dB, so that its maximum is the header's intensity.

    Raises DataError if there is no covariate in volts, an amplitude that is not positive, or no intensity.
    """
    import neo
    import quantities as pq

    level = block.annotations.get("intensity_(dB)")
    if level is None:
        raise DataError("fix sound_pressure_level: the header has no 'intensity (dB)'; remove the fix from the recording's YAML")
    for segment in block.segments:
        for k, signal in enumerate(segment.analogsignals):
            if signal.annotations.get("role") != "covariate":
                continue
            loaded = signal.load() if hasattr(signal, "load") else signal
            try:
                volts = loaded.rescale(pq.V).magnitude
            except ValueError:
                raise DataError(
                    f"fix sound_pressure_level: the covariate is in {signal.units}, not volts; remove the fix"
                ) from None
            if np.any(volts <= 0):
                raise DataError("fix sound_pressure_level: an amplitude is not positive, its level is undefined")
            decibel = 20 * np.log10(volts / _REFERENCE)
            decibel += float(level) - decibel.max()
            annotations = {**signal.annotations, "unit_name": "dB"}
            segment.analogsignals[k] = neo.AnalogSignal(
                decibel * pq.dimensionless,
                sampling_rate=signal.sampling_rate,
                t_start=signal.t_start,
                name=signal.name,
                **annotations,
            )
    return block
