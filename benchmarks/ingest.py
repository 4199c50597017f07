"""Memory and time of ingesting a long recording: `python benchmarks/ingest.py --hours 1` prints one JSON object.

A NeuroScope session of 64 channels at 1 kHz in 16 bits, and 100 units at 5 Hz in eight groups, is made block by block, read by
the recording's reader, written as an activity and opened again, each in a process of its own. With `--reader any_neo` the
voltage is read through neo, as channels that the YAML marks as LFP; then there are no units.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from resident import resident

CHANNELS, RATE, UNITS, UNIT_RATE, GROUPS, CLOCK = 64, 1000, 100, 5.0, 8, 20_000
_XML = f"""<parameters><acquisitionSystem><nBits>16</nBits><nChannels>{CHANNELS}</nChannels><samplingRate>{CLOCK}</samplingRate>
<voltageRange>20</voltageRange><amplification>1000</amplification><offset>0</offset></acquisitionSystem>
<fieldPotentials><lfpSamplingRate>{RATE}</lfpSamplingRate></fieldPotentials>
<anatomicalDescription><channelGroups><group>{"".join(f"<channel>{k}</channel>" for k in range(CHANNELS))}</group></channelGroups>
</anatomicalDescription></parameters>"""


def make(folder: Path, hours: float) -> int:
    """Write the session. Returns how many spikes it has."""
    rng = np.random.default_rng(1)
    seconds = round(3600 * hours)
    (folder / "s.xml").write_text(_XML)
    with (folder / "s.lfp").open("wb") as stream:
        level = np.zeros(CHANNELS)
        for start in range(0, seconds, 60):
            n = min(60, seconds - start) * RATE
            # Noise in which low frequencies prevail, as in an LFP: a random walk in each minute, brought back to its end.
            walk = np.cumsum(rng.normal(0, 60, (n, CHANNELS)), axis=0)
            walk += level - np.linspace(0, 1, n)[:, None] * (walk[-1] + level)
            stream.write(np.clip(np.rint(walk), -32768, 32767).astype("<i2").tobytes())
            level = np.zeros(CHANNELS)
    total = 0
    for group in range(GROUPS):
        own = range(group, UNITS, GROUPS)
        times = [np.unique(rng.integers(0, seconds * CLOCK, rng.poisson(UNIT_RATE * seconds))) for _ in own]
        sample, cluster = np.concatenate(times), np.repeat(2 + np.arange(len(own)), [t.size for t in times])
        order = np.argsort(sample, kind="stable")
        _lines(folder / f"s.res.{group + 1}", sample[order])
        _lines(folder / f"s.clu.{group + 1}", np.concatenate([[len(own) + 1], cluster[order]]))
        total += sample.size
    return total


def _lines(path: Path, values: np.ndarray) -> None:
    with path.open("w") as stream:
        for part in np.array_split(values, max(1, values.size // 500_000)):
            stream.write("\n".join(map(str, part.tolist())) + "\n")


def _entry(folder: Path, reader: str) -> tuple[dict[str, object], dict[str, dict[str, str]]]:
    """What the YAML says of the reader and what is made of signals, and the files."""
    if reader == "neuroscope":
        groups = {f"{kind}_{k + 1}": {"name": f"s.{kind}.{k + 1}"} for kind in ("res", "clu") for k in range(GROUPS)}
        listed = {"recording": {"name": "s.xml"}, "signal": {"name": "s.lfp"}, **groups}
        return {"reader": "neuroscope", "signals": {"lfp": {}}}, listed
    (folder / "m.xml").write_text(_XML.replace(f"<samplingRate>{CLOCK}<", f"<samplingRate>{RATE}<"))
    (folder / "m.dat").hardlink_to(folder / "s.lfp")
    names = [f"ch{k}grp0" for k in range(CHANNELS)]
    return {"reader": {"any_neo": {"lfp": names}}}, {"recording": {"name": "m.xml"}, "data": {"name": "m.dat"}}


def run(folder: Path, reader: str) -> dict[str, float]:
    """Ingest, write and open: the user's path."""
    from homeoanalysis.config.recording import Recording
    from homeoanalysis.contracts import open_dataset, write
    from homeoanalysis.ingest import ingest

    entry, listed = _entry(folder, reader)
    recording = Recording.model_validate(
        {
            "title": "synthetic",
            "citation": "",
            "licence": "",
            "source": {"folder": str(folder)},
            **entry,
            "replicates": {"r": {"subject": "s", "files": listed}},
        }
    )

    def peak() -> float:
        return resident("VmHWM") / 1e9

    began, cpu = time.perf_counter(), time.process_time()
    start = peak()
    files = {role: folder / file["name"] for role, file in listed.items()}
    activity = ingest(recording, name="synthetic", replicate="r", files=files)
    ingested = peak()
    spikes, samples = activity.sizes.get("spike", 0), activity.sizes["lfp_sample"]
    write(activity, folder / "s.nc")
    written, wall, cpu = peak(), time.perf_counter() - began, time.process_time() - cpu
    del activity
    back = open_dataset(folder / "s.nc")
    assert (back.sizes.get("spike", 0), back.sizes["lfp_sample"]) == (spikes, samples)
    last = np.fromfile(folder / "s.lfp", "<i2", offset=(folder / "s.lfp").stat().st_size - 2 * CHANNELS * 1000).reshape(
        -1, CHANNELS
    )
    assert np.array_equal(np.rint(back.lfp[:, -1000:].values / back.lfp.attrs["step"]), last.T)
    return {
        "spikes": spikes,
        "samples": samples,
        "peak_gigabytes_at_start": start,
        "peak_gigabytes_ingested": ingested,
        "peak_gigabytes_written": written,
        "peak_gigabytes_opened": peak(),
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "file_gigabytes": (folder / "s.nc").stat().st_size / 1e9,
    }


def measured(hours: float, where: Path | None = None, reader: str = "neuroscope") -> dict[str, float]:
    """Make a session in a temporary folder below `where`, and run it in a process of its own."""
    with tempfile.TemporaryDirectory(dir=where) as name:
        total = make(Path(name), hours)
        command = [sys.executable, __file__, "--run", name, "--reader", reader]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        assert found["spikes"] == (total if reader == "neuroscope" else 0)
        return {"hours": hours, **found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0])
    parser.add_argument("--folder", type=Path, help="where to make the sessions: 23 GB for 24 h")
    parser.add_argument("--reader", choices=("neuroscope", "any_neo"), default="neuroscope")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run(arguments.run, arguments.reader)))
    else:
        for hours in arguments.hours:
            print(json.dumps(measured(hours, arguments.folder, arguments.reader)), flush=True)
