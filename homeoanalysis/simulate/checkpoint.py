"""The state of a run on disk: a run that was killed goes on from its last checkpoint and ends with the same bits.

What a network is made of is built anew; a checkpoint holds every array that a run changes, and what was written down so far.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from homeoanalysis.files import is_sealed, replacing, seal
from homeoanalysis.simulate.network import Network
from homeoanalysis.simulate.projections.hooks import ChangingRows

# Fields of NamedTuples that a run never changes: tables and wiring are built again.
_CONSTANT = {"up", "down", "first", "target", "delay", "matrix", "origin", "synapse", "first_in", "start"}
_ARCHIVE = b"PK"  # how it begins, even if it was cut
_HEADER, _LOGBOOK = "header", "logbook/"


def fingerprint(**what: Any) -> str:
    """A hash of everything that decides a run, the order of its parts too, in which sums are taken."""
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


def write(path: Path, network: Network, step: int, logbook: Mapping[str, np.ndarray], print_of_run: str) -> None:
    """The state at `step`; a checkpoint that was there is replaced as a whole."""
    header = json.dumps({"fingerprint": print_of_run, "step": step}).encode()
    held = dict(_arrays(network)) | {f"{_LOGBOOK}{key}": array for key, array in logbook.items()}
    with replacing(path) as part:
        with part.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **{_HEADER: np.frombuffer(header, np.uint8)}, **held)
        seal(part)


def is_other(path: Path) -> bool:
    """Whether a file holds something else, which a run would replace and remove at its end."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as stream:
        return stream.read(len(_ARCHIVE)) != _ARCHIVE


def step_of(path: Path, print_of_run: str) -> int | None:
    """The step of the checkpoint of this very run; None if there is none, or it is damaged or of another run."""
    if not path.is_file() or not is_sealed(path):
        return None
    with np.load(path, allow_pickle=False) as saved:
        header = json.loads(saved[_HEADER].tobytes())
    return int(header["step"]) if header["fingerprint"] == print_of_run else None


def read(path: Path, network: Network) -> dict[str, np.ndarray]:
    """Put the state into a network that was built anew, changed as protocols had by then.

    Returns the arrays of the logbook.
    """
    with np.load(path, allow_pickle=False) as saved:
        for held, prefix in _holders(network):
            for key in held:
                held[key] = _restored(held[key], f"{prefix}/{key}", saved)
        return {key.removeprefix(_LOGBOOK): saved[key] for key in saved.files if key.startswith(_LOGBOOK)}


def _holders(network: Network) -> Iterator[tuple[dict[str, Any], str]]:
    """The dictionaries of a network whose values hold state."""
    yield network.neurons, "neurons"
    for name, rules in network.slow.items():
        yield rules, f"slow/{name}"
    for k, part in enumerate(network.parts):
        for kind in part._fields:
            yield getattr(part, kind), f"part/{k}/{kind}"


def _arrays(network: Network) -> Iterator[tuple[str, np.ndarray]]:
    for held, prefix in _holders(network):
        for key, item in held.items():
            yield from _walk(item, f"{prefix}/{key}")


def _walk(item: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(item, np.ndarray):
        yield path, item
    for key, inner in _inside(item):
        yield from _walk(inner, f"{path}/{key}")


def _inside(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, dict):
        return [(str(k), v) for k, v in item.items()]
    if isinstance(item, tuple):
        keys = getattr(item, "_fields", range(len(item)))
        return [(str(k), v) for k, v in zip(keys, item, strict=True) if k not in _CONSTANT or isinstance(item, ChangingRows)]
    return []


def _restored(item: Any, path: str, saved: Any) -> Any:
    if isinstance(item, np.ndarray):
        values = saved[path]
        if values.shape != item.shape:
            return values  # wiring that a run has changed
        item[...] = values  # in place: parts are views of whole populations
        return item
    for key, inner in _inside(item):
        restored = _restored(inner, f"{path}/{key}", saved)
        if restored is not inner:
            if isinstance(item, dict):
                item[key] = restored
            else:
                item = item._replace(**{key: restored})
    return item
