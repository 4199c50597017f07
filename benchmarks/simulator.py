"""The simulator against its peers, interleaved: `python benchmarks/simulator.py --network D --seconds 20 --peers brian2,nest`.

All run the same neurons, synapses and initial state. The measure is CPU seconds of the timed window (after a warm-up)
for each biological second; a ratio is the median of the ratios of runs that followed each other. See README.md.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from machine import VERSIONS, bandwidth, description
from memory import report as memory_report
from networks import NETWORKS
from ours import Ours
from runs import Run

REQUIRED = {"A": 10.0, "B": 16.0, "C": 18.0, "D": 8.0}  # times faster than Brian2 in float32, one thread
REQUIRED_TWO_THREADS = {"A": 1.4, "C": 1.4}  # wall time of one thread over that of two
REQUIRED_DOUBLE = 0.65  # speed in float64 over that in float32
LARGEST_MISMATCH = 0.1  # of the mean rates
PEERS = {  # script and its first arguments
    "brian2": ["brian2_peer.py", "manual"],
    "brian2-tuned": ["brian2_peer.py", "tuned"],
    "nest": ["nest_peer.py"],
}


class Side(NamedTuple):
    """One of those that take turns."""

    name: str
    run: Callable[[], Run]
    close: Callable[[], None] = lambda: None


class Peer:
    """Another simulator, in a process of its own, perhaps of another interpreter."""

    def __init__(self, name: str, python: str, folder: Path, precision: str, warm_up: float, seconds: float) -> None:
        script, *form = PEERS[name]
        command = [python, str(Path(__file__).parent / script), *form, str(folder), precision, str(warm_up), str(seconds)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.name = name
        self.version: str = self._answer()["version"]

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            hint = f"run {' '.join(map(str, self.process.args))} to see why"  # type: ignore[arg-type]
            raise RuntimeError(f"{self.name} stopped with exit code {self.process.wait()}; {hint}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self) -> Run:
        """One run."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Run(**self._answer())

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The JSON object of one network."""
    network, window = NETWORKS[name](), {"warm_up": options.warm_up, "seconds": options.seconds}
    versions = {key: version(key) for key in VERSIONS}
    sides = []
    threads = options.threads or ([1, 2] if name in REQUIRED_TWO_THREADS and (os.cpu_count() or 1) > 1 else [1])
    with tempfile.TemporaryDirectory(prefix="homeoanalysis-benchmark-") as folder:
        if options.peers:
            Ours(network, precision="float64", threads=1, **window).export(Path(folder))
        for precision in options.precision:
            for n in threads:
                ours = Ours(network, precision=precision, threads=n, **window)
                sides.append(Side(_ours(precision, n), ours.run))
            for peer in options.peers:
                if peer != "nest" or precision == "float64":
                    process = Peer(peer, options.peer_python[peer], Path(folder), precision, **window)
                    versions[peer] = process.version
                    sides.append(Side(f"{peer} {precision}", process.run, process.close))
        load = [os.getloadavg()[0]]
        runs: dict[str, list[Run]] = {side.name: [] for side in sides}
        for k in range(options.repeats):
            for side in sides:
                if k < options.nest_repeats or not side.name.startswith("nest"):
                    runs[side.name].append(side.run())
            load.append(os.getloadavg()[0])
        for side in sides:
            side.close()
    reference = _ours(options.precision[0], 1)
    result: dict[str, Any] = {
        "network": name,
        "date": datetime.date.today().isoformat(),
        "machine": description(),
        "load": [round(x, 1) for x in load],
        "versions": versions,
        **window,
        "runs": {key: _summary(found) for key, found in runs.items()},
        "ratios": _ratios(runs, options.precision),
    }
    mismatches = {key: _mismatch(runs[reference], found) for key, found in runs.items()}
    result["rate_mismatch"] = {key: round(x, 3) for key, x in mismatches.items()}
    result["is_comparable"] = {key: x <= LARGEST_MISMATCH for key, x in mismatches.items()}
    result["memory"] = _memory(network, options, runs[reference])
    result["met"] = _met(name, result["ratios"])
    return result


def _ours(precision: str, threads: int) -> str:
    return f"ours {precision}" + (f" {threads} threads" if threads > 1 else "")


def _summary(runs: list[Run]) -> dict[str, Any]:
    return {
        "cpu_per_second": median(r.cpu for r in runs),
        "wall_per_second": median(r.wall for r in runs),
        "cpu_of_each": [round(r.cpu, 6) for r in runs],
        "rates": {key: round(median(r.rates[key] for r in runs), 3) for key in runs[0].rates},
        "cv": {key: round(median(r.cv[key] for r in runs), 3) for key in runs[0].cv},
    }


def _ratio(over: list[float], under: list[float]) -> dict[str, Any]:
    found = [a / b for a, b in zip(over, under, strict=False)]
    return {"median": round(median(found), 3), "range": [round(min(found), 3), round(max(found), 3)], "n": len(found)}


def _ratios(runs: dict[str, list[Run]], precisions: list[str]) -> dict[str, dict[str, Any]]:
    """Peer over ours at the same precision; one thread over more (wall); float32 over float64 (CPU)."""
    ratios = {}
    for key, found in runs.items():
        side, precision, *several = key.split(" ")
        base = runs[_ours(precision, 1)]
        if side != "ours":
            ratios[key] = _ratio([r.cpu for r in found], [r.cpu for r in base])
        elif several:
            ratios[key] = _ratio([r.wall for r in base], [r.wall for r in found])
    if set(precisions) == {"float32", "float64"}:
        ratios["float64 speed"] = _ratio([r.cpu for r in runs["ours float32"]], [r.cpu for r in runs["ours float64"]])
    return ratios


def _mismatch(ours: list[Run], theirs: list[Run]) -> float:
    """The largest relative difference of the mean rates."""
    pairs = [(median(r.rates[key] for r in ours), median(r.rates[key] for r in theirs)) for key in ours[0].rates]
    return max(abs(b - a) / a if a > 0 else float(a != b) for a, b in pairs)


def _memory(network: dict[str, Any], options: argparse.Namespace, runs: list[Run]) -> dict[str, float]:
    """Events, and the share of the memory bandwidth that the least possible traffic takes."""
    seconds = min(options.seconds, 5.0)
    ours = Ours(network, precision=options.precision[0], threads=1, warm_up=options.warm_up, seconds=seconds)
    traffic, cpu = ours.traffic(), median(r.cpu for r in runs)
    possible = bandwidth(traffic.working_set)
    return {
        "events_per_biological_second": round(traffic.events),
        "events_per_cpu_second": round(traffic.events / cpu),
        "bytes_moved_per_biological_second": round(traffic.moved),
        "working_set": traffic.working_set,
        "bandwidth_of_a_triad_on_it": round(possible),
        "fraction_of_it": round(traffic.moved / cpu / possible, 3),
    }


def _met(name: str, ratios: dict[str, dict[str, Any]]) -> dict[str, bool]:
    wanted = {
        "brian2 float32": REQUIRED[name],
        "ours float32 2 threads": REQUIRED_TWO_THREADS.get(name, 0.0),
        "float64 speed": REQUIRED_DOUBLE,
    }
    return {f"{key} >= {least:g}": ratios[key]["median"] >= least for key, least in wanted.items() if key in ratios}


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['network']}: {result['seconds']:g} s, load {result['load']}"]
    for key, found in result["runs"].items():
        activity = ", ".join(f"{p} {found['rates'][p]:.2f} Hz (CV {found['cv'][p]:.2f})" for p in found["rates"])
        lines.append(
            f"  {key:24} {1e3 * found['cpu_per_second']:9.2f} ms CPU {1e3 * found['wall_per_second']:9.2f} ms  {activity}"
        )
    for key, ratio in result["ratios"].items():
        lines.append(f"  {key:24} {ratio['median']:9.2f} x  [{ratio['range'][0]:.2f} to {ratio['range'][1]:.2f}]")
    lines += [f"  {key}: {'yes' if is_met else 'NO'}" for key, is_met in result["met"].items()]
    wrong = [key for key, is_right in result["is_comparable"].items() if not is_right]
    lines += [f"  NOT COMPARABLE, rates differ by more than {LARGEST_MISMATCH:.0%}: {', '.join(wrong)}"] if wrong else []
    memory = result["memory"]
    lines.append(
        f"  {memory['events_per_cpu_second']:.3g} events per CPU second, {memory['fraction_of_it']:.0%} of the bandwidth"
    )
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def listed(text: str) -> list[str]:
        return [x for x in text.split(",") if x]

    add = parser.add_argument
    add("--network", type=listed, default=list(NETWORKS), help="some of A,B,C,D")
    add("--seconds", type=float, default=20.0, help="biological seconds of the timed window")
    add("--warm-up", type=float, default=1.0, help="biological seconds before it")
    add("--repeats", type=int, default=5, help="fresh networks of each side")
    add("--nest-repeats", type=int, default=1, help="of NEST: it is slow, and its ratios are not quoted")
    add("--precision", type=listed, default=["float32", "float64"], help="the first is the one that others are compared with")
    add("--threads", type=lambda text: [int(x) for x in listed(text)], help="ours; default: 1, and 2 for A and C")
    add("--peers", type=listed, default=[], help=f"some of {','.join(PEERS)}")
    add("--peer-python", action="append", default=[], help="interpreter with the peers, or peer=interpreter; repeatable")
    add("--memory", action="store_true", help="bytes per synapse, a large network, and the start, instead")
    add("--json", action="store_true", help="one JSON object for each network instead of a table")
    options = parser.parse_args()
    given = dict.fromkeys(PEERS, sys.executable)
    for text in options.peer_python:
        name, _, python = text.rpartition("=")
        given |= {name: python} if name else dict.fromkeys(PEERS, text)
    options.peer_python = given
    for kind, chosen, known in (("network", options.network, NETWORKS), ("peer", options.peers, PEERS)):
        wrong = [x for x in chosen if x not in known]
        if wrong:
            parser.error(f"{kind} {', '.join(wrong)} is unknown; choose from {', '.join(known)}")
    if options.threads and 1 not in options.threads:
        parser.error("--threads must contain 1, with which others are compared")
    return options


def main() -> None:
    """Print what was asked for."""
    options = _options()
    if options.memory:
        print(json.dumps(memory_report(), indent=None if options.json else 2))
        return
    for name in options.network:
        result = measure(name, options)
        print(json.dumps(result) if options.json else _table(result), flush=True)


if __name__ == "__main__":
    main()
