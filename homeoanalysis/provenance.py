"""What a result depends on: the code that made it, the random streams, the versions, the inputs."""

import ast
import functools
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.contracts.texts import steps
from homeoanalysis.errors import DataError
from homeoanalysis.files import damaged, is_sealed, replacing, seal
from homeoanalysis.identity import file_hash

_ROOT = Path(__file__).resolve().parent  # a checkout may be reached through a link
PROVENANCE = ("code", "parameters", "seed", "history")  # attributes of a result that say how it was made
_PACKAGE = __name__.partition(".")[0]
_OWN = Path(__file__).read_bytes()  # now: it may be replaced while a process of the old one makes digests
_OTHER_NAMES = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "PyYAML"}  # modules whose distribution is named otherwise


def rng_for(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream of that name. Keyed by names, so that adding or reordering jobs changes no other result."""
    key = hashlib.sha256(json.dumps([seed, *names]).encode()).digest()
    return np.random.Generator(np.random.PCG64(np.frombuffer(key, np.uint32).tolist()))


def inputs_of(paths: Iterable[Path | str]) -> dict[str, str]:
    """Path inside the project -> SHA-256, of the files that a step read, and of all that those were made from.

    What `ingest` read is named after its activity, as "results/activity/<source>/<replicate>.nc: <file>", so that the chain
    from a number to the recorded files stands in each result. Raises DataError if two inputs were made from different
    versions of a file, or by one step with different versions of a library, as a worker with another environment does.
    """
    found: dict[str, str] = {}
    used: dict[tuple[str, str], tuple[str, str]] = {}
    for path in map(str, paths):
        history = history_of(path)
        for name, digest in {path: file_hash(Path(path)), **_made_from(path, history)}.items():
            if found.setdefault(name, digest) != digest:
                raise DataError(f"{path} was made from another version of {name} than the other inputs; delete it and run again")
        for step, library, v in _used(history):
            first, before = used.setdefault((step, library), (path, v))
            if v != before:
                raise DataError(
                    f"{path}: the step {step} behind it ran with {library} {v}, but behind {first} with {library} {before}; give "
                    f"all workers the same environment, delete the files of the wrong one and run again"
                )
    return found


def _made_from(path: str, history: list[dict[str, Any]]) -> dict[str, str]:
    """The inputs that the history of a result names."""
    return {f"{path}: {k}" if e["step"] == "ingest" else k: digest for e in history for k, digest in e["inputs"].items()}


def _used(history: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Step, library, version. Python's, and the project's own, decide no result by themselves: the digest of the code does."""
    for entry in history:
        for library, v in entry["versions"].items():
            if library not in (_PACKAGE, "python"):
                yield entry["step"], library, v


def history_of(path: Path | str) -> list[dict[str, Any]]:
    """The steps behind all groups of a result; none behind other files.

    Raises DataError or ContractError for a result that was changed.
    """
    import netCDF4  # here, since the config check need not pay

    if Path(path).suffix != ".nc":
        return []
    try:
        if not is_sealed(Path(path)):
            raise OSError("its checksum is missing or wrong")
        with netCDF4.Dataset(path) as file:
            parts = [part for part in (file, *file.groups.values()) if {"schema", "history"} <= set(part.ncattrs())]
            return [entry for part in parts for entry in steps(part.history, str(path))]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); {damaged(path)}") from error


@functools.cache
def version(distribution: str) -> str:
    """The installed version of a distribution, "" if it is not one."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.cache
def _distributions(module: str) -> list[str]:
    """The names of the distributions that a top-level module came with."""
    try:
        return [importlib.metadata.distribution(_OTHER_NAMES.get(module, module)).name]
    except importlib.metadata.PackageNotFoundError:
        return _installed().get(module, [])


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    """Top-level module -> its distributions: 0.1 s, since it reads about all that is installed."""
    return importlib.metadata.packages_distributions()


class _WithoutDocstrings(ast.NodeTransformer):
    """metric: the function whose docstring's first line stays, since results show it (`Metric.long_name`)."""

    def __init__(self, metric: str) -> None:
        self.metric = metric

    def _strip(self, node: Any) -> Any:
        self.generic_visit(node)
        if (text := ast.get_docstring(node, clean=False)) is not None:
            is_shown = isinstance(node, ast.FunctionDef) and node.name == self.metric
            shown = [ast.Expr(ast.Constant(line)) for line in text.strip().splitlines()[:1] if is_shown]
            node.body = [*shown, *(node.body[1:] or [ast.Pass()])]
        return node

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _strip  # noqa: N815 (ast's names)


def module_file(parts: list[str]) -> Path | None:
    """The file of a dotted module of this package, or None."""
    path = _ROOT.joinpath(*parts[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _parsed(path: Path, changed: int) -> tuple[str, frozenset[Path], frozenset[str]]:
    """Digest of the code of one file without comments and docstrings, its package imports, its other imports."""
    digest, imports = _kept(path)
    inside: set[Path] = set()
    outside: set[str] = set()
    for parts in (name.split(".") for name in imports):
        if parts[0] == _PACKAGE:
            # `from homeoanalysis import x` must not make every job depend on the public API in __init__.
            found = module_file(parts) if len(parts) > 1 else None
            if found and found != path:
                inside.add(found)
        elif parts[0] not in sys.stdlib_module_names:
            outside.add(parts[0])
    return digest, frozenset(inside), frozenset(outside)


def _kept(path: Path) -> tuple[str, list[str]]:
    """What `parse_code` finds. Kept beside Python's compiled files: parsing what a job imports takes 0.2 to 0.5 s.

    What is kept says of which text it is, by its hash, and is sealed; where it cannot be written, it is not kept.
    """
    text, module = path.read_bytes(), path.relative_to(_ROOT).with_suffix("").parts
    made_from = repr((sys.version, module, text, _OWN))
    key = hashlib.sha256(made_from.encode()).hexdigest()
    kept = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.digest"
    if kept.is_file() and is_sealed(kept):
        with kept.open() as stream:
            of, digest, imports = json.loads(stream.readline())
        if of == key:
            return digest, imports
    digest, imports = parse_code(text, [_PACKAGE, *module])
    with suppress(DataError), replacing(kept) as part:
        part.write_text(json.dumps([key, digest, imports]) + "\n")
        seal(part)
    return digest, imports


def parse_code(text: bytes, here: list[str]) -> tuple[str, list[str]]:
    """Digest of the code of a module without comments and docstrings, and the dotted names that it imports, or may.

    here: the dotted name of the module.
    """
    tree = ast.parse(text)
    package = here[:-1]  # of a package's __init__ too, whose last part is that
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            imports |= {".".join([*base, alias.name]) for alias in node.names} | {".".join(base)}
    code = ast.dump(_WithoutDocstrings(here[-1] if here[1:-1] == ["metrics"] else "").visit(tree))
    return hashlib.sha256(code.encode()).hexdigest(), sorted(imports)


def code_files(files: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The package files reached by import from `files`, and the third-party top-level modules that they import."""
    seen: dict[Path, None] = {}
    outside: set[str] = set()
    todo = [f.resolve() for f in files]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = None
        _, inside, other = _parsed(path, path.stat().st_mtime_ns)
        outside |= other
        todo.extend(inside)
    return sorted(seen), sorted(outside)


def code_digest(files: Iterable[Path]) -> str:
    """A hash of the code behind a job: of the given package files and all that they import.

    Comments and docstrings do not count, but for the first line of a metric's; the versions of imported third-party packages do.
    """
    inside, outside = code_files(files)
    digest = hashlib.sha256()
    for path in inside:
        digest.update(f"{path.relative_to(_ROOT)}={_parsed(path, path.stat().st_mtime_ns)[0]}\n".encode())
    for name, v in versions(outside).items():
        digest.update(f"{name}=={v}\n".encode())
    return digest.hexdigest()[:16]


def versions(modules: Iterable[str]) -> dict[str, str]:
    """Distribution -> version of the given top-level modules."""
    found = {d for m in modules for d in _distributions(m)}
    return {d.lower(): version(d) for d in sorted(found, key=str.lower)}


def stamp(
    dataset: xr.Dataset, *, step: str, code: Iterable[Path], parameters: Mapping[str, Any], inputs: Mapping[str, str], seed: int
) -> xr.Dataset:
    """The dataset with its provenance attributes: code digest, parameters, seed, and one more entry of `history`.

    inputs: name -> SHA-256 of what the step read (`inputs_of`). No clock, host, user or absolute path is written.
    """
    code = list(code)
    _, outside = code_files(code)
    history = json.loads(dataset.attrs.get("history", "[]"))
    entry = {
        "step": step,
        "code": code_digest(code),
        "inputs": dict(sorted(inputs.items())),
        "versions": {_PACKAGE: version(_PACKAGE), "python": ".".join(map(str, sys.version_info[:3])), **versions(outside)},
    }
    return dataset.assign_attrs(
        code=entry["code"],
        parameters=json.dumps(parameters, sort_keys=True, default=str),
        seed=seed,
        history=json.dumps([*history, entry], sort_keys=True),
        Conventions="CF-1.11",
    )


def code_of(verb: str, *entries: tuple[str, str]) -> list[Path]:
    """The files behind a job: of its verb, or one module of it, and of the catalogue entries (folder, name) of its config."""
    module = module_file([_PACKAGE, *verb.split(".")])
    if module is None:
        raise LookupError(f"no verb {verb!r}")
    return [module, *(path for folder, name in entries for path in catalogue.source_files(folder, name))]
