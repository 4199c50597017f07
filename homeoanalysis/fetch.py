"""fetch: one file of a recording, from an installed package, a mirror folder or its public address."""

import importlib.util
import logging
import os
import shutil
from pathlib import Path
from urllib.parse import quote

from homeoanalysis.config.recording import File, Source
from homeoanalysis.errors import DataError
from homeoanalysis.files import replacing
from homeoanalysis.identity import check_file

_log = logging.getLogger(__name__)
MIRROR = "HOMEOANALYSIS_MIRROR"
_TIMEOUT = 60  # s without an answer


def local_path(source: Source, name: str) -> Path | None:
    """Where a file that needs no download lies: in a package or in a folder of the user; None for an address."""
    if source.url is not None:
        return None
    if source.package is None:
        return Path(source.folder or ".") / name
    spec = importlib.util.find_spec(source.package.partition(".")[0])
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise DataError(f"the package {source.package!r}, which ships {name}, is not installed; install it with pip")
    return Path(places[0], *source.package.split(".")[1:], source.folder or "", name)


def fetch(source: Source, file: File, *, recording: str, destination: Path) -> None:
    """Bring one file to `destination`, whole and with the right checksum, or not at all.

    An address is asked only if the folder named by HOMEOANALYSIS_MIRROR has no <recording>/<file>; the source may name
    another folder there.
    Raises DataError naming the file, the address and the variable.
    """
    near = local_path(source, file.name)
    mirror = os.environ.get(MIRROR)
    if near is None and mirror and (candidate := Path(mirror) / (source.mirror or recording) / file.name).is_file():
        near = candidate
    if near is None:
        _download(f"{source.url}{quote(file.remote or file.name)}", file, destination, source.mirror or recording, mirror)
        return
    shown = f"recording {recording}: {near}"
    check_file(near, file.sha256, shown=shown)
    with replacing(destination) as part:
        shutil.copyfile(near, part)
        check_file(part, file.sha256, shown=shown)  # again: it may have been replaced in between
    _log.info("%s: copied %s", recording, file.name)


def _download(url: str, file: File, destination: Path, recording: str, mirror: str | None) -> None:
    import pooch  # here: the config check asks this module for paths, and need not pay for the network
    import requests

    looked = f"{MIRROR} is {mirror!r}, which has no {recording}/{file.name}" if mirror else f"{MIRROR} is not set"
    mend = f"connect to the network, or set {MIRROR} to a folder that holds {recording}/{file.name} ({looked})"
    with replacing(destination) as part:
        try:
            downloader = pooch.HTTPDownloader(timeout=_TIMEOUT)
            pooch.retrieve(url, known_hash=None, fname=part.name, path=part.parent, downloader=downloader)
        except (requests.RequestException, OSError) as error:
            kind = type(error).__name__
            raise DataError(f"recording {recording}: {file.name} could not be fetched from {url} ({kind}); {mend}") from error
        check_file(part, file.sha256, shown=f"recording {recording}: {url}")
    _log.info("%s: fetched %s from %s", recording, file.name, url)
