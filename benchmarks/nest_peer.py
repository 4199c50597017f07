"""NEST, one thread, double precision: `python nest_peer.py FOLDER PRECISION WARM_UP SECONDS`, see runs.serve.

Not the same to the last digit: NEST integrates conductances adaptively, and its delay is dendritic, not axonal. Slow
rules (scaling, intrinsic) act between runs of one window, and what they cost is not counted: that favours NEST.
The package from the index is built for any x86-64; a NEST compiled for the machine may be several times faster.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from runs import DT, Run, activity, answer_channel, serve

answer_channel()  # before NEST greets
import nest  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402

MS, MV, PF, NS = 1e3, 1e3, 1e12, 1e9  # what NEST counts in, for each SI unit


class Peer:
    """Builds a fresh network for each run."""

    def __init__(self, folder: Path, warm_up: float, seconds: float) -> None:
        self.spec = json.loads((folder / "network.json").read_text())
        self.arrays = np.load(folder / "network.npz")
        self.warm_up, self.seconds = warm_up, seconds

    def run(self) -> Run:
        """Build, warm up, time the window."""
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.SetKernelStatus({"resolution": DT * MS, "local_num_threads": 1, "print_time": False})
        groups = {name: self._group(name, p) for name, p in self.spec["populations"].items()}
        scaled = {name: self._connect(name, p, groups) for name, p in self.spec["projections"].items()}
        for entry in self.spec["inputs"].values():
            source = nest.Create("poisson_generator", params={"rate": entry["rate"]})
            given = {"weight": entry["weight"] * MV, "delay": DT * MS}
            nest.Connect(source, groups[entry["population"]], syn_spec=given)
        recorders = {name: nest.Create("spike_recorder") for name in groups}
        for name, group in groups.items():
            nest.Connect(group, recorders[name])
        self._advance(0.0, self.warm_up, groups, scaled, recorders)
        cpu, wall = self._advance(self.warm_up, self.seconds, groups, scaled, recorders)
        rates, cv = {}, {}
        for name, recorder in recorders.items():
            events = recorder.get("events")
            step = np.rint(events["times"] / MS / DT).astype(int)
            is_late = step > round(self.warm_up / DT)
            unit = events["senders"][is_late] - groups[name][0].global_id
            rates[name], cv[name] = activity(step[is_late], unit, len(groups[name]), self.seconds)
        return Run(cpu / self.seconds, wall / self.seconds, rates, cv)

    def _advance(self, start: float, seconds: float, groups: Any, scaled: Any, recorders: Any) -> tuple[float, float]:
        cpu = wall = 0.0
        is_slow = any(p["plasticity"] for p in self.spec["populations"].values()) or any(scaled.values())
        length = self.spec["window"] if is_slow else seconds
        for k in range(round(seconds / length)):
            began = time.process_time(), time.perf_counter()
            nest.Simulate(length * MS)
            cpu, wall = cpu + time.process_time() - began[0], wall + time.perf_counter() - began[1]
            if is_slow:
                self._slow(start + (k + 1) * length, groups, scaled, recorders)
        return cpu, wall

    def _group(self, name: str, p: dict[str, Any]) -> Any:
        given = p["parameters"]
        drive = self.arrays[f"drive {name}"]
        capacitance = given.get("capacitance", given["tau_membrane"] * 1e-9)  # delta: any will do
        leak = capacitance / given["tau_membrane"]
        parameters = {
            "C_m": capacitance * PF,
            "E_L": given["v_rest"] * MV,
            "V_th": given["v_threshold"] * MV,
            "V_reset": given["v_reset"] * MV,
            "t_ref": given["refractory"] * MS,
            "V_m": self.arrays[f"v {name}"] * MV,
            "I_e": drive * leak * 1e12,
        }
        if p["neuron"] == "lif_delta":
            return nest.Create("iaf_psc_delta", p["n"], parameters | {"tau_m": given["tau_membrane"] * MS})
        parameters |= {
            "g_L": leak * NS,
            "E_ex": given["e_excitatory"] * MV,
            "E_in": given["e_inhibitory"] * MV,
            "tau_syn_ex": p["tau"]["excitatory"] * MS,
            "tau_syn_in": p["tau"]["inhibitory"] * MS,
            "tau_minus": 20.0,
        }
        return nest.Create("iaf_cond_exp", p["n"], parameters)

    def _connect(self, name: str, p: dict[str, Any], groups: Any) -> Any:
        """Returns the synapses that scaling changes, or None."""
        unit = MV if self.spec["populations"][p["target"]]["neuron"] == "lif_delta" else NS
        sign = 1.0 if p["channel"] == "excitatory" else -1.0
        weight, top = sign * p["weight"] * unit, sign * (p["weight_max"] or 0.0) * unit
        synapse: dict[str, Any] = {"synapse_model": "static_synapse"}
        rules = p["plasticity"]
        if "pair_stdp" in rules:
            rule = rules["pair_stdp"]
            nest.CopyModel("stdp_synapse", name, {"Wmax": top, "mu_plus": rule["mu_plus"], "mu_minus": rule["mu_minus"],
                                                  "lambda": rule["learning_rate"], "alpha": rule["asymmetry"],
                                                  "tau_plus": rule["tau_plus"] * MS})  # fmt: skip
            synapse = {"synapse_model": name}
        elif "inhibitory_stdp" in rules:
            rule = rules["inhibitory_stdp"]
            alpha = 2 * rule["target_rate"] * rule["tau"]
            nest.CopyModel("vogels_sprekeler_synapse", name, {"Wmax": top, "eta": rule["learning_rate"] * NS, "alpha": alpha,
                                                              "tau": rule["tau"] * MS, "weight": weight})  # fmt: skip
            synapse = {"synapse_model": name}
        pre = self.arrays[f"source {name}"] + groups[p["source"]][0].global_id
        post = self.arrays[f"target {name}"] + groups[p["target"]][0].global_id
        each = {"weight": np.full(pre.size, weight), "delay": np.full(pre.size, p["delay"] * DT * MS)}
        nest.Connect(pre, post, "one_to_one", synapse | each)
        if "synaptic_scaling" not in rules:
            return None
        made = nest.GetConnections(groups[p["source"]], groups[p["target"]], synapse_model=name)
        target = np.array(list(made.targets())) - groups[p["target"]][0].global_id
        return {"synapses": made, "target": target, "rule": rules["synaptic_scaling"], "top": top, "of": p["target"]}

    def _slow(self, now: float, groups: Any, scaled: Any, recorders: Any) -> None:
        window = self.spec["window"]
        counts = {}
        for name, recorder in recorders.items():
            events = recorder.get("events")
            recent = events["senders"][events["times"] > (now - window) * MS + 1e-6] - groups[name][0].global_id
            counts[name] = np.bincount(recent, minlength=len(groups[name]))
        for item in (x for x in scaled.values() if x):
            rule = item["rule"]
            growth = 1 + window * rule["proportional"] * (1 - counts[item["of"]] / (window * rule["target_rate"]))
            weights = np.array(item["synapses"].get("weight")) * growth[item["target"]]
            item["synapses"].set(weight=np.clip(weights, 0.0, item["top"]))
        for name, p in self.spec["populations"].items():
            if "intrinsic_drive" in p["plasticity"]:
                rule, given = p["plasticity"]["intrinsic_drive"], p["parameters"]
                missing = window * rule["target_rate"] - counts[name]
                leak = given["capacitance"] / given["tau_membrane"]
                groups[name].set(I_e=np.array(groups[name].get("I_e")) + rule["gain"] * missing * leak * 1e12)


if __name__ == "__main__":
    where, kind, before, length = sys.argv[1:]
    if kind != "float64":
        sys.exit("NEST computes in float64 only")
    serve(f"NEST {nest.__version__}", Peer(Path(where), float(before), float(length)).run)
