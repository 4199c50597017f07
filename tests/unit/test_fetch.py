"""Files arrive whole, from where they are meant to come, or not at all."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from homeoanalysis import fetch as module
from homeoanalysis.config.recording import File, Source
from homeoanalysis.errors import DataError
from homeoanalysis.fetch import MIRROR, fetch, local_path
from homeoanalysis.provenance import rng_for

CONTENT = b"spikes\n" * 5000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


GOOD = File(name="sub folder/spikes.txt", sha256=sha256(CONTENT))


class Server(NamedTuple):
    """A file server on this machine: `answers` maps what is asked to how it is answered."""

    url: str
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]]
    asked: list[str]

    def source(self) -> Source:
        """The address of this server; a config would refuse it, since it is not https."""
        return Source.model_construct(url=self.url, package=None, folder=None)


@pytest.fixture
def server() -> Iterator[Server]:
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answers.get(self.path, lambda handler: handler.send_error(404))(self)

        def log_message(self, *arguments: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Server(f"http://127.0.0.1:{http.server_port}/files/", answers, asked)
    http.shutdown()
    thread.join()
    http.server_close()


def sends(content: bytes, promised: int | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if promised is None else promised))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR, raising=False)


def take(source: Source, destination: Path, file: File = GOOD) -> None:
    fetch(source, file, recording="rec", destination=destination)


# ---- package and folder


def test_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine" / "sub folder").mkdir(parents=True)
    (tmp_path / "mine" / GOOD.name).write_bytes(CONTENT)
    source = Source(folder=str(tmp_path / "mine"))
    assert local_path(source, GOOD.name) == tmp_path / "mine" / GOOD.name
    take(source, tmp_path / "data" / "rec" / "spikes.txt")
    assert (tmp_path / "data" / "rec" / "spikes.txt").read_bytes() == CONTENT


def test_from_a_package(tmp_path: Path) -> None:
    """The file of the tour, with the checksum that its YAML gives."""
    digest = "840014ad9a8f591d02ab108bcbd46715badb3459e0ef7eac95fdd661ff134e3d"
    file = File(name="grasshopper_spike_times1.txt", sha256=digest)
    take(Source(package="nitime", folder="data"), tmp_path / "spikes.txt", file)
    assert sha256((tmp_path / "spikes.txt").read_bytes()) == digest
    take(Source(package="nitime.data"), tmp_path / "again.txt", file)
    assert sha256((tmp_path / "again.txt").read_bytes()) == digest


def test_a_package_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the package 'nitme\.data', which ships .*spikes\.txt, is not installed; install it"):
        take(Source(package="nitme.data"), tmp_path / "spikes.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"recording rec: .*spikes\.txt does not exist"):
        take(Source(folder=str(tmp_path)), tmp_path / "data" / "spikes.txt")
    assert not (tmp_path / "data").exists()


def test_a_wrong_checksum_leaves_nothing(tmp_path: Path) -> None:
    source = Source(folder=str(tmp_path / "mine"))
    (tmp_path / "mine" / "sub folder").mkdir(parents=True)
    (tmp_path / "mine" / GOOD.name).write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=f"has the SHA-256 {sha256(CONTENT[:-1])}, but the YAML says {GOOD.sha256}"):
        take(source, tmp_path / "data" / "spikes.txt")
    assert not (tmp_path / "data").exists()


def test_a_wrong_checksum_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "sub folder").mkdir()
    (tmp_path / GOOD.name).write_bytes(b"other")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spikes.txt").write_bytes(CONTENT)
    with pytest.raises(DataError, match="SHA-256"):
        take(Source(folder=str(tmp_path)), tmp_path / "data" / "spikes.txt")
    assert [p.read_bytes() for p in (tmp_path / "data").iterdir()] == [CONTENT]


# ---- network


def test_from_the_network(server: Server, tmp_path: Path) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    take(server.source(), tmp_path / "data" / "spikes.txt")
    assert [(p.name, p.read_bytes()) for p in (tmp_path / "data").iterdir()] == [("spikes.txt", CONTENT)]
    assert server.asked == ["/files/sub%20folder/spikes.txt"]


def test_wrong_bytes_from_the_network_leave_nothing(server: Server, tmp_path: Path) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(b"<html>please log in</html>")
    with pytest.raises(DataError, match=r"recording rec: http://.*spikes\.txt has the SHA-256 .*, but the YAML says"):
        take(server.source(), tmp_path / "data" / "spikes.txt")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("n", [0, 100, len(CONTENT) - 1])
def test_a_download_that_breaks_off_leaves_nothing(n: int, server: Server, tmp_path: Path) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT[:n], promised=len(CONTENT))
    with pytest.raises(DataError) as error:
        take(server.source(), tmp_path / "data" / "spikes.txt")
    for text in ("recording rec", GOOD.name, f"{server.url}sub%20folder/spikes.txt", MIRROR, "rec/sub folder/spikes.txt"):
        assert text in str(error.value)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_missing_page_and_a_dead_server(server: Server, tmp_path: Path) -> None:
    dead = Source.model_construct(url="http://127.0.0.1:9/", package=None, folder=None)
    for source, why in ((server.source(), "HTTPError"), (dead, "ConnectionError")):
        with pytest.raises(DataError, match=rf"could not be fetched from http://.*\({why}\); .*{MIRROR} is not set"):
            take(source, tmp_path / "data" / "spikes.txt")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_server_that_says_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TIMEOUT", 0.2)
    waiting = threading.Event()
    server.answers["/files/sub%20folder/spikes.txt"] = lambda handler: waiting.wait(5) and None
    with pytest.raises(DataError, match="could not be fetched"):
        take(server.source(), tmp_path / "data" / "spikes.txt")
    waiting.set()
    assert list((tmp_path / "data").iterdir()) == []


def test_the_destination_holds_nothing_while_a_download_runs(server: Server, tmp_path: Path) -> None:
    destination = tmp_path / "data" / "spikes.txt"
    seen: list[bool] = []

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        for part in (CONTENT[:10_000], CONTENT[10_000:]):
            handler.wfile.write(part)
            handler.wfile.flush()
            seen.append(destination.exists())

    server.answers["/files/sub%20folder/spikes.txt"] = slowly
    take(server.source(), destination)
    assert seen[0] is False
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize("seed", range(60))
def test_a_download_that_goes_wrong_at_random(seed: int, server: Server, tmp_path: Path) -> None:
    """It breaks off, is wrong, or is another file; then the server is well again."""
    rng = rng_for(seed, "download")
    changed = bytearray(CONTENT)
    at = int(rng.integers(len(CONTENT)))
    changed[at] ^= 1 << int(rng.integers(8))
    faults = [sends(CONTENT[:at], len(CONTENT)), sends(CONTENT[:at]), sends(bytes(changed)), sends(CONTENT + changed[: at + 1])]
    destination = tmp_path / "data" / "spikes.txt"
    server.answers["/files/sub%20folder/spikes.txt"] = faults[seed % 4]
    with pytest.raises(DataError, match=r"recording rec: "):
        take(server.source(), destination)
    assert list((tmp_path / "data").iterdir()) == []
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    take(server.source(), destination)
    assert destination.read_bytes() == CONTENT


# ---- mirror


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mirror" / "rec" / GOOD.name
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    return path


def test_the_mirror_comes_before_the_network(mirrored: Path, server: Server, tmp_path: Path) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    take(server.source(), tmp_path / "data" / "spikes.txt")
    assert (tmp_path / "data" / "spikes.txt").read_bytes() == CONTENT
    assert server.asked == []


def test_a_mirror_with_the_wrong_bytes_is_an_error(mirrored: Path, server: Server, tmp_path: Path) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    mirrored.write_bytes(b"other")
    with pytest.raises(DataError, match=f"recording rec: {mirrored} has the SHA-256") as error:
        take(server.source(), tmp_path / "data" / "spikes.txt")
    assert "replace it" in str(error.value)
    assert server.asked == []
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_replaced_while_it_is_copied(mirrored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = module.shutil.copyfile

    def replaced(source: Path, destination: Path) -> None:
        source.write_bytes(b"other")
        copy(source, destination)

    monkeypatch.setattr(module.shutil, "copyfile", replaced)
    with pytest.raises(DataError, match=f"recording rec: {mirrored} has the SHA-256"):
        take(Source(url="https://example.org/"), tmp_path / "data" / "spikes.txt")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_mirror_without_the_file_asks_the_network(mirrored: Path, server: Server, tmp_path: Path) -> None:
    mirrored.unlink()
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    take(server.source(), tmp_path / "data" / "spikes.txt")
    assert len(server.asked) == 1
    server.answers.clear()
    with pytest.raises(DataError, match=rf"{MIRROR} is '{tmp_path / 'mirror'}', which has no rec/sub folder/spikes\.txt"):
        take(server.source(), tmp_path / "data" / "other.txt")


def test_the_mirror_does_not_replace_a_package_or_a_folder(mirrored: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        take(Source(folder=str(tmp_path / "empty")), tmp_path / "data" / "spikes.txt")


# ---- the recordings that other tests read

Obtain = Callable[..., Path]


@pytest.fixture
def listed(server: Server) -> dict[str, tuple[Source, File]]:
    return {f"rec/{GOOD.name}": (server.source(), GOOD)}


def test_tests_read_the_mirror(mirrored: Path, obtain: Obtain, listed: object, server: Server, tmp_path: Path) -> None:
    assert obtain(f"rec/{GOOD.name}", listed, tmp_path / "cache") == mirrored
    assert server.asked == []


def test_tests_fetch_what_is_in_no_mirror_and_only_once(
    obtain: Obtain, listed: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/files/sub%20folder/spikes.txt"] = sends(CONTENT)
    for mirror in (tmp_path / "absent", tmp_path):
        monkeypatch.setenv(MIRROR, str(mirror))
        path = obtain(f"rec/{GOOD.name}", listed, tmp_path / "cache")
        assert path == tmp_path / "cache" / "rec" / GOOD.name
        assert path.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_tests_fail_without_mirror_and_network(obtain: Obtain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, str(tmp_path / "absent"))
    dead = Source.model_construct(url="http://127.0.0.1:9/", package=None, folder=None)
    with pytest.raises(pytest.fail.Exception, match=rf"reads a public recording\. .*http://127\.0\.0\.1:9/.*set {MIRROR}"):
        obtain(f"rec/{GOOD.name}", {f"rec/{GOOD.name}": (dead, GOOD)}, tmp_path / "cache")
    assert not (tmp_path / "cache" / "rec" / GOOD.name).exists()


def test_a_file_of_another_name_and_folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`remote` is where a file lies below the address, `source.mirror` the folder of the mirror."""
    asked = File(name="FigS1.mat", remote="Figure S1/FigS1.mat", sha256=sha256(CONTENT))
    source = server.source().model_copy(update={"mirror": "shared"})
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    with pytest.raises(DataError, match=r"set HOMEOANALYSIS_MIRROR to a folder that holds shared/FigS1\.mat"):
        fetch(source, asked, recording="flies", destination=tmp_path / "a" / "FigS1.mat")
    assert server.asked == ["/files/Figure%20S1/FigS1.mat"]
    (tmp_path / "mirror" / "shared").mkdir(parents=True)
    (tmp_path / "mirror" / "shared" / "FigS1.mat").write_bytes(CONTENT)
    fetch(source, asked, recording="flies", destination=tmp_path / "a" / "FigS1.mat")
    assert (tmp_path / "a" / "FigS1.mat").read_bytes() == CONTENT
    assert len(server.asked) == 1
