"""Ingests damaged copies of a file in a process of its own: `python damage.py FOLDER FORMAT FIRST COUNT` prints a line for each.

Each case is a flip of one bit, or, every tenth, a number so large that it declares more than there is, and every tenth a cut, a
hole of zeros, an empty file or the bytes of another format. The line is a JSON object: the case, before it is tried; then what
came of it.
"""

import json
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

MEMORY = 3_000_000_000  # bytes that the process may allocate
READERS: dict[str, dict[str, Any]] = {
    "mea_hdf5": {"reader": "mea_hdf5"},
    "neuroscope": {"reader": "neuroscope", "signals": {"lfp": {}}},
    "spike_text": {"reader": {"spike_text": {"time_step": "1 ms", "duration": "10 s"}}},
    "spike_csv": {"reader": {"spike_list": {"time_step": "1 s", "duration": "10 s"}}},
    "spike_npz": {"reader": {"spike_list": {"time_step": "1 s", "duration": "10 s"}}},
    "nwb": {"reader": "nwb_units"},
    "nix": {"reader": {"any_neo": {"io": "NixIO"}}},
    "nex": {"reader": {"any_neo": {"io": "NeuroExplorerIO"}}},
    "blackrock": {"reader": {"any_neo": {"io": "BlackrockIO"}}},
    "neuralynx": {"reader": {"any_neo": {"io": "NeuralynxIO"}}},
    "plexon": {"reader": {"any_neo": {"io": "PlexonIO"}}},
    "waveforms": {"reader": "any_neo"},
    "abf": {"reader": {"any_neo": {"io": "AxonIO"}}, "signals": {"lfp": {}}},
}


def damaged(content: bytes, rng: np.random.Generator, case: int) -> bytes:
    """One fault in a copy."""
    changed = bytearray(content)
    at = int(rng.integers(len(changed)))
    if case % 2:  # headers are short, and faults in them do most
        at = min(at, int(rng.integers(min(len(changed), 4096))))
    if case % 10 == 5:
        return [content[:at], content[:at] + bytes(len(content) - at), b"", content[at:] + content[:at]][int(rng.integers(4))]
    if case % 10 == 3:
        declared = [b"\xff\xff\xff\x7f", b"\xff" * 8, (10**12).to_bytes(8, "little"), (10**12).to_bytes(8, "big")][case // 10 % 4]
        at -= at % 4
        changed[at : at + len(declared)] = declared
        return bytes(changed[: len(content)])
    changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def main() -> None:
    folder, form, first, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    from homeoanalysis.config.recording import Recording
    from homeoanalysis.errors import HomeoError
    from homeoanalysis.ingest import ingest
    from homeoanalysis.provenance import rng_for

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    roles = json.loads((folder / form / "roles.json").read_text())
    files = {role: folder / form / name for role, name in roles.items()}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": str(folder / form)}}
    one = {"subject": "s", "files": {role: {"name": name} for role, name in roles.items()}}
    recording = Recording.model_validate({**base, **READERS[form], "replicates": {"r": one}})
    for case in range(first, first + count):
        rng = rng_for(7, "damage", form, case)
        role = sorted(files)[case % len(files)]
        path = files[role]
        # A name of its own: HDF5 keeps what it knows of a file that a library did not close.
        copy = path.with_name(f"{case}_{path.name}")
        print(json.dumps({"case": case, "file": path.name}), flush=True)  # noqa: T201
        copy.write_bytes(damaged(path.read_bytes(), rng, case))
        try:
            activity = ingest(recording, name="damaged", replicate="r", files={**files, role: copy})
            book = json.loads(activity.attrs["bookkeeping"])
            found = {"outcome": "activity", "spikes": int(activity.sizes.get("spike", 0)), "book": book}
        except HomeoError as error:
            found = {"outcome": type(error).__name__, "text": str(error)}
        except BaseException:
            found = {"outcome": "traceback", "text": traceback.format_exc()}
        finally:
            copy.unlink()
        print(json.dumps({"case": case, **found}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
