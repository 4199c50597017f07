"""Sessions of NeuroScope and Klusters: voltage in 16 bits, and spikes as text, a pair of files for each group of electrodes.

Evidence: Hazan, Zugaro & Buzsaki 2006, J Neurosci Methods 155:207, doi:10.1016/j.jneumeth.2006.01.017, and the data format
page of the CRCNS hc sets. neo's class reads no spikes, and gives an .lfp or .eeg file the sampling rate of the .dat (seen).
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_io import check_readable, told
from homeoanalysis.numerics.neo_objects import spike_train

if TYPE_CHECKING:
    import neo

_NOISE = {0: "cluster 0, artefacts", 1: "cluster 1, spikes that were not sorted"}


def neuroscope(files: Mapping[str, Path]) -> "neo.Block":
    """A session: its signal stays on disk, its units are named group.cluster.

    files: role "recording", the .xml; "signal", the .dat, .lfp or .eeg that the observed time is of; for each group of
    electrodes "res_1" and "clu_1", "res_2" and "clu_2", ...: sample and cluster of each spike.
    Spikes of the clusters 0 (artefacts) and 1 (not sorted) are dropped and counted.
    Raises DataError for missing roles, files that do not belong together, and text that is no list of whole numbers.
    """
    import neo.io

    groups = sorted(role.removeprefix("res_") for role in files if role.startswith("res_"))
    wanted = {"recording", "signal", *(f"{kind}_{g}" for kind in ("res", "clu") for g in groups)}
    if set(files) != wanted:
        raise DataError(
            f"reader neuroscope needs recording, signal and pairs such as res_1 and clu_1; given: {', '.join(sorted(files))}"
        )
    for path in files.values():
        check_readable(path)
    path = files["recording"]
    with told(path, "neuroscope"):
        root = ElementTree.parse(path).getroot()
        rate = _number(root, "acquisitionSystem/samplingRate", path)
        n_channels = int(_number(root, "acquisitionSystem/nChannels", path))
        for name in ("nBits", "voltageRange", "amplification"):
            _number(root, f"acquisitionSystem/{name}", path)
        if n_channels < 1 or files["signal"].stat().st_size % (2 * n_channels):
            raise DataError(f"{files['signal'].name} is no whole number of samples of {n_channels} channels; it is truncated")
        reader = neo.io.NeuroScopeIO(str(path))
        reader.binary_file = str(files["signal"])
        reader.parse_header()
        if files["signal"].suffix.lower() in (".lfp", ".eeg"):
            own = _number(root, "fieldPotentials/lfpSamplingRate", path)
            reader._sampling_rate = own
            reader.header["signal_channels"]["sampling_rate"] = own
        (segment,) = (block := reader.read_block(lazy=True)).segments
    segment.annotate(tells_its_end=False)
    stop = float(segment.analogsignals[0].t_stop.rescale("s"))
    left_out: dict[str, int] = {}
    for group in groups:
        sample, cluster = _whole(files[f"res_{group}"]), _whole(files[f"clu_{group}"])
        if cluster.size == 0 or cluster.size - 1 != sample.size:
            raise DataError(
                f"{files[f'res_{group}'].name} has {sample.size} spikes, but {files[f'clu_{group}'].name} has "
                f"{max(0, cluster.size - 1)} clusters below its first line; they do not belong together"
            )
        cluster = cluster[1:]
        for number, reason in _NOISE.items():
            left_out[reason] = left_out.get(reason, 0) + int(np.sum(cluster == number))
        for number in np.unique(cluster[cluster > 1]):
            times = sample[cluster == number] / rate
            name = f"{group}.{number}"
            train = spike_train(times, 0.0, stop, name=name, file=files[f"res_{group}"].name, tick=1 / rate)
            segment.spiketrains.append(train)
    if len(segment.spiketrains):
        dropped = segment.spiketrains[0].annotations.setdefault("dropped", {})
        dropped |= {reason: n for reason, n in left_out.items() if n}
    elif sum(left_out.values()):
        raise DataError(f"all {sum(left_out.values())} spikes are of the clusters 0 and 1; sort them, or leave the files out")
    return block


def _number(root: Any, where: str, path: Path) -> float:
    found = root.find(where)
    if found is None or not found.text:
        raise DataError(f"{path.name} has no {where}; it is no file of NeuroScope, or an incomplete one")
    try:
        value = float(found.text)
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        raise DataError(f"{path.name}: {where} is {found.text.strip()[:40]!r}, not a number above 0; mend it")
    return value


def _whole(path: Path) -> NDArray[np.int64]:
    """The whole numbers of a text file, one a line. Raises DataError for anything else in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = np.fromfile(path, dtype=np.int64, sep="\n")
        except (DeprecationWarning, ValueError, OSError) as error:
            raise DataError(f"{path.name} is no list of whole numbers, one a line ({error}); check which file it is") from None
    if found.size and found.min() < 0:
        raise DataError(f"{path.name} holds {found.min()}, which is below 0; it is damaged, or another file")
    return np.asarray(found)
