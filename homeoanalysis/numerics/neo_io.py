"""neo's reading classes: which of them are used, for which files, and how their failures are told to a user.

A class is used only if it is in `FORMATS`. `neo.io.get_io` is never called: it goes by the file's ending and
would hand a `.pkl` to a class that executes what the file says.
"""

import importlib.util
import logging
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.declared import check_buffers, check_declared, count_left_out, reach_last_spikes, tells_its_end
from homeoanalysis.numerics.hdf5 import check_hdf5

if TYPE_CHECKING:
    import neo

_log = logging.getLogger(__name__)
_FILES_MAX = 20_000  # of a folder that is searched for a format
for _name in ("neo", "Neo"):  # else its messages go to the terminal where no log is set up
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Format(NamedTuple):
    """What a neo class reads.

    layout: "file", the file alone; "stem", it and the `beside` files of the same stem; "near", it and all `beside`
    files of its folder; "folder", everything with these endings in and below a folder, which neo is given.
    """

    endings: tuple[str, ...]
    layout: Literal["file", "stem", "near", "folder"] = "file"
    beside: tuple[str, ...] = ()
    package: str = ""  # needed by neo, and not among our requirements
    is_lazy: bool = True


# The order is the order in which classes that share an ending are tried.
FORMATS: dict[str, Format] = {
    "AlphaOmegaIO": Format(("lsx", "mpx"), "folder"),
    "AxographIO": Format(("axgd", "axgx")),
    "AxonaIO": Format(("set",), "stem", ("bin", *(str(k) for k in range(1, 33)))),
    "AxonIO": Format(("abf",)),
    "BCI2000IO": Format(("dat",)),
    "BiocamIO": Format(("brw", "h5")),
    "BlackrockIO": Format(
        ("nev", "ns1", "ns2", "ns3", "ns4", "ns5", "ns6"), "stem", ("nev", "sif", "ccf", *(f"ns{k}" for k in range(1, 7)))
    ),
    "BrainVisionIO": Format(("vhdr",), "stem", ("vmrk", "eeg", "dat", "avg")),
    "BrainwareDamIO": Format(("dam",), is_lazy=False),
    "BrainwareF32IO": Format(("f32",), is_lazy=False),
    "BrainwareSrcIO": Format(("src",), is_lazy=False),
    "EDFIO": Format(("edf",), package="pyedflib"),
    "ElanIO": Format(("eeg",), "stem", ("eeg.ent", "eeg.pos")),
    "IgorIO": Format(("ibw", "pxp"), package="igor2", is_lazy=False),
    "IntanIO": Format(("rhd", "rhs"), "near", ("dat",)),
    "MedIO": Format(("medd", "rdat", "ridx"), "folder", package="dhn_med_py"),
    "MicromedIO": Format(("trc",)),
    "NeoMatlabIO": Format(("mat",), is_lazy=False),
    "NeuralynxIO": Format(("nev", "ncs", "nse", "ntt", "nvt", "nrd"), "folder"),
    "NeuroExplorerIO": Format(("nex",)),
    "NeuroNexusIO": Format(("json",), "near", ("xdat",)),
    "NeuroScopeIO": Format(("xml",), "stem", ("dat", "lfp", "eeg")),
    "NixIO": Format(("nix", "h5"), package="nixio", is_lazy=False),
    # Declares lazy reading, but raises AttributeError on a file with an event.
    "NWBIO": Format(("nwb",), package="pynwb", is_lazy=False),
    "OpenEphysIO": Format(("openephys", "continuous", "spikes", "events"), "folder"),
    "OpenEphysBinaryIO": Format(("oebin", "npy", "dat"), "folder"),
    "PhyIO": Format(("npy", "tsv", "csv", "py"), "folder"),
    "PlexonIO": Format(("plx",)),
    "RawMCSIO": Format(("raw",)),
    "Spike2IO": Format(("smr",)),
    "CedIO": Format(("smrx", "smr"), package="sonpy"),
    "SpikeGadgetsIO": Format(("rec",)),
    "SpikeGLXIO": Format(("meta", "bin"), "folder"),
    "StimfitIO": Format(("cfs",), package="stfio", is_lazy=False),
    "TdtIO": Format(("tbk", "tdx", "tev", "tin", "tnt", "tsq", "sev"), "folder"),
    "WinEdrIO": Format(("edr",)),
    "WinWcpIO": Format(("wcp",)),
}
_IMAGES = "it reads images, and a reader returns spikes and signals"
_TEXT = "its files do not say what their numbers mean; write a reader for them in readers/, or use spike_text"
_NATIVE = "it downloads or loads a native library; convert the file with the maker's software"
REFUSED = {
    "PickleIO": "a pickle executes code when it is opened; convert the file to another format where it was written",
    "ElphyIO": "it evaluates text from the file as Python code",
    "MaxwellIO": _NATIVE,
    "Plexon2IO": _NATIVE,
    "NeuroshareIO": _NATIVE,
    "NeurosharectypesIO": _NATIVE,
    "MEArecIO": "it hands the file to a simulator's own loader; convert it",
    "ExampleIO": "it invents its data",
    "KlustaKwikIO": "it assumes a sampling rate that its files do not hold",
    "KwikIO": "it does not work with the numpy that this project needs",
    "NestIO": _TEXT,
    "AsciiSignalIO": _TEXT,
    "AsciiSpikeTrainIO": _TEXT,
    "RawBinarySignalIO": _TEXT,
    "AsciiImageIO": _IMAGES,
    "BlkIO": _IMAGES,
    "TiffIO": _IMAGES,
}


def check_io(name: str) -> str:
    """The name itself if it is a neo class that may be used. Raises ValueError with the reason."""
    if name in REFUSED:
        raise ValueError(f"is {name!r}, which is not allowed: {REFUSED[name]}")
    if name not in FORMATS:
        raise ValueError(f"is {name!r}, which is no class of neo.io that may be used; {did_you_mean(name, FORMATS)}")
    return name


def candidates(path: Path) -> list[str]:
    """The classes that read files with this ending, or folders with such files in them. Raises DataError if there is none."""
    import neo.io  # here and below: 0.3 s of import that the config check, which needs the table alone, need not pay

    if path.is_dir():
        endings = {_ending(p) for p in _files(path)}
        found = [name for name, f in FORMATS.items() if f.layout == "folder" and endings & set(f.endings)]
        what = f"the folder {path.name} holds no files of a format that is read as a folder; name one file"
    else:
        found = [name for name, f in FORMATS.items() if _ending(path) in f.endings]
        refused = [
            name for name in REFUSED if _ending(path) in map(str.lower, getattr(getattr(neo.io, name, None), "extensions", []))
        ]
        if refused:
            raise DataError(
                f"{path.name}: '.{_ending(path)}' files are read by {refused[0]}, which is not allowed: {REFUSED[refused[0]]}"
            )
        what = f"{path.name}: no class of neo.io reads '.{_ending(path)}' files; force one with --io NAME, or write a reader"
    if not found:
        known = ", ".join(sorted({e for f in FORMATS.values() for e in f.endings}))
        raise DataError(f"{what}; known endings: {known}")
    return found


def identified(
    path: Path, io: str | None, given: Callable[[str], Path] | None = None, *, is_alone: bool = False
) -> "tuple[Path, str, list[neo.Block]]":
    """What a file or folder is read from and with, and its blocks; without `io` the first class of `candidates` that can read it.

    given: the path that a class is given, where that is not `path`; raises DataError where there is none. is_alone: as for
    `read_blocks`.
    Raises DataError with what each class said.
    """
    names = None if io is None else [check_io(io)]
    check_readable(path)
    said = []
    for name in candidates(path) if names is None else names:
        try:
            own = path if given is None else given(name)
            return own, name, read_blocks(own, name, is_alone=is_alone)
        except DataError as error:
            said.append(str(error))
    where = f"no recording can be read in the folder {path.name}; name the folder of one, or a file: " if path.is_dir() else ""
    raise DataError(where + "; ".join(dict.fromkeys(said)))


def members(path: Path, io: str) -> list[Path]:
    """All files that the class reads when it is given `path`, itself first.

    Raises DataError for a header that names a file in another folder.
    """
    form = FORMATS[io]
    folder = path if path.is_dir() else path.parent
    if form.layout == "folder":
        found = [p for p in _files(folder) if _ending(p) in form.endings]
    elif form.layout == "stem":
        found = [p for e in form.beside for p in folder.glob(f"{_literal(path.stem)}.*") if p.name == f"{path.stem}.{e}"]
    elif form.layout == "near":
        found = [p for p in folder.iterdir() if _ending(p) in form.beside]
    else:
        found = []
    if io == "BrainVisionIO":
        found += [p for p in _named(path) if p not in found]
    if io == "IntanIO":
        found += _below(path)
    own = [] if path.is_dir() else [path]
    return [*own, *sorted(p for p in found if p != path)]


def _named(path: Path) -> list[Path]:
    """The files that a header of BrainVision names, which need not be called like it; neo takes them where they are there."""
    found = []
    for name in re.findall(r"^(?:DataFile|MarkerFile)=([^=\r\n]+)", path.read_text("utf-8", "replace"), re.MULTILINE):
        if not (other := Path(f"{path.parent}/{name}")).is_file():
            continue
        if other.name != name:
            raise DataError(
                f"{path.name} names the file {name!r} of another folder; put it beside {path.name}, and mend the name"
            )
        found.append(other)
    return found


def _below(path: Path) -> list[Path]:
    """The files of single channels of Intan below the folder of their header: neo takes them from there too."""
    from neo.rawio import intanrawio as intan

    signals = {*intan.stream_name_to_file_name_rhd.values(), *intan.stream_name_to_file_name_rhs.values()}
    if path.name not in ("info.rhd", "info.rhs") or any((path.parent / name).exists() for name in signals):
        return []
    return [p for p in _files(path.parent) if p.suffix == ".dat" and p.parent != path.parent]


def can_be_alone(path: Path, io: str) -> bool:
    """Whether neo can be told to read this one file, and not those beside it that belong to the format."""
    return io == "NeuralynxIO" or (io == "BlackrockIO" and _ending(path) == "nev")


def read_blocks(path: Path, io: str, *, is_alone: bool = False) -> "list[neo.Block]":
    """The blocks of a file or folder, as proxies that have not read their data where the class can do so.

    is_alone: without the files beside it, where `can_be_alone`.
    Raises DataError if the file is missing, empty or not of this format, or a package is missing.
    """
    import neo.io

    form = FORMATS[io]
    _check_path(path, io)
    if form.package and importlib.util.find_spec(form.package) is None:
        raise DataError(
            f"{path.name}: {io} needs the package {form.package}, which is not installed; run: "
            f"{shlex.quote(sys.executable)} -m pip install {form.package}"
        )
    given = path.parent if form.layout == "folder" and path.is_file() else path
    options: dict[str, Any] = {"mode": "ro"} if io == "NixIO" else {}  # its default would write
    if io == "NeuralynxIO" and path.is_file():
        options = {"include_filenames": [path.name]}
    if io == "BlackrockIO" and is_alone and can_be_alone(path, io):
        options = {"nsx_override": f"{path}.none"}  # a name that no file has
    files = [path] if path.is_file() and is_alone and can_be_alone(path, io) else members(path, io)
    with told(path, io):
        check_declared(files, io)
        reader = getattr(neo.io, io)(str(given), **options)
        if io == "NeuralynxIO" and reader._spike_memmap:
            reach_last_spikes(reader)
        if hasattr(reader, "block_count"):
            blocks = [reader.read_block(block_index=k, lazy=form.is_lazy) for k in range(reader.block_count())]
        else:
            blocks = [b for b in reader.read() if b is not None]
        check_buffers(reader, io)
        tells = tells_its_end(files, io)
        left = count_left_out(reader) if io == "NeuralynxIO" and reader._spike_memmap else 0
    if not blocks or (path.is_dir() and not any(map(_holds, blocks))):  # of any folder neo makes a block, with nothing in it
        raise DataError(f"{path.name} holds nothing that {io} can read; it is of another format, or empty")
    for segment in (s for block in blocks for s in block.segments):
        segment.annotate(tells_its_end=tells)
    if left:
        blocks[0].segments[0].annotate(dropped_units={"outside of the recorded segments": [0, left]})
    return blocks


def _holds(block: "neo.Block") -> bool:
    kinds = ("spiketrains", "analogsignals", "irregularlysampledsignals", "events", "epochs")
    return any(len(getattr(segment, kind)) for segment in block.segments for kind in kinds)


@contextmanager
def told(path: Path, io: str) -> Iterator[None]:
    """While neo reads: its warnings go to the log, and what it raises becomes a DataError.

    neo's classes check little, so that damaged bytes surface as any exception: all of them are caught here, around
    the calls of neo alone, and named in the message.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # half of each number would be lost
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise DataError(
                f"{path.name} cannot be read with {io} ({type(error).__name__}: {text or 'no message'}); "
                "it is damaged, incomplete or of another format: compare its size with the original, or choose another io"
            ) from error
    for text in dict.fromkeys(str(w.message).strip() for w in heard):
        _log.info("%s: %s says: %s", path.name, io, text)


def channel_names(signal: Any) -> list[str]:
    """The names of a signal's channels; its own name where neo gives none."""
    n = signal.shape[1] if len(signal.shape) > 1 else 1
    names = signal.array_annotations.get("channel_names")
    if names is None or len(names) != n:
        return [str(signal.name)] if n == 1 else [f"{signal.name}.{k}" for k in range(n)]
    return [str(name) for name in names]


def _check_path(path: Path, io: str) -> None:
    form = FORMATS[io]
    check_readable(path)
    if path.is_dir() and form.layout != "folder":
        raise DataError(f"{path.name} is a folder, but {io} reads one file; name the file (.{', .'.join(form.endings)})")


def check_readable(path: Path) -> None:
    """Raises DataError unless `path` is a folder or a file with bytes in it that may be read, and no HDF5 without an end."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return
        if path.exists() and not path.is_file():
            raise DataError(f"{path.name} is neither a file nor a folder; name a file")
        with path.open("rb") as stream:
            if not stream.read(1):
                raise DataError(f"{path.name} is empty (0 bytes); copy or fetch it again")
        check_hdf5(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{path} cannot be read ({reason}); mend its permissions or its name") from None


def _ending(path: Path) -> str:
    return path.suffix[1:].lower()


def _literal(text: str) -> str:
    """The text as a glob pattern that matches only itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _files(folder: Path) -> list[Path]:
    try:
        return [p for p in islice(folder.rglob("*"), _FILES_MAX) if p.is_file() and not p.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be searched ({error.strerror}); mend its permissions") from None
