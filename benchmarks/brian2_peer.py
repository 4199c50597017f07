"""Brian2, C++ standalone, one thread: `python brian2_peer.py FORM FOLDER PRECISION WARM_UP SECONDS`, see runs.serve.

Two forms of the same network, with -O3 -march=native -ffast-math:
manual  as Brian2's documentation writes it: equations with `method="euler"`, numbers in the namespace, and spike traces of
        each synapse that are `(event-driven)`, as in its example Vogels_et_al_2011.py;
tuned   as fast as we could make it in Brian2's language: the update of a step is given (a StateUpdateMethod), constants
        are in the precision of the run (numbers of the namespace compute in double), and traces belong to neurons, so that
        no event computes an exponential.
        Delta synapses add to a sum that the membrane takes, without a test for refractoriness.
In both, static synapses share their weight. Decays are exact in both (the rate that Euler needs for that is given).
Delays count from the end of a step here and from the start of one in ours, hence one step less; for the same reason
learning rates are corrected by one step of decay. In double precision the spikes are ours until rounding parts them.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import brian2 as b  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
from brian2.stateupdaters.base import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    StateUpdateMethod,
)
from runs import DT, Run, activity, answer_channel, serve

CHANNEL = {"excitatory": "g_e", "inhibitory": "g_i"}
TIMER = {
    "before_network_run": "const clock_t timed_from = clock();",
    "after_network_run": """{ FILE* file = fopen("cpu.txt", "w");
        fprintf(file, "%.9g", double(clock() - timed_from) / CLOCKS_PER_SEC); fclose(file); }""",
}


class Step(StateUpdateMethod):  # type: ignore[misc,unused-ignore]
    """One step, as code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, equations: object, variables: object = None, method_options: object = None) -> str:
        return self.code


class Peer:
    """A network of Brian2 objects; runs are runs of its binary."""

    def __init__(self, form: str, folder: Path, precision: str, warm_up: float, seconds: float) -> None:
        self.is_tuned = form == "tuned"
        self.spec = json.loads((folder / "network.json").read_text())
        self.arrays = np.load(folder / "network.npz")
        self.warm_up, self.seconds = warm_up, seconds
        self.project = folder / f"brian2-{form}-{precision}"
        b.prefs.core.default_float_dtype = np.dtype(precision).type
        b.prefs.codegen.cpp.extra_compile_args_gcc = ["-O3", "-march=native", "-ffast-math", "-w"]
        b.prefs.devices.cpp_standalone.openmp_threads = 0
        b.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
        b.set_device("cpp_standalone", build_on_run=False, directory=str(self.project))
        b.defaultclock.dt = DT * b.second
        self.tau = self._trace_tau()
        self.groups = {name: self._group(name, p) for name, p in self.spec["populations"].items()}
        self.objects: list[Any] = []
        for name, p in self.spec["projections"].items():
            self._synapses(name, p)
        for entry in self.spec["inputs"].values():
            self._poisson(entry)
        self.monitors = {name: b.SpikeMonitor(group) for name, group in self.groups.items()}
        network = b.Network(*self.groups.values(), *self.objects, *self.monitors.values())
        network.run(warm_up * b.second)
        self.device = b.get_device()
        for slot, code in TIMER.items():
            self.device.insert_code(slot, code)
        network.run(seconds * b.second)
        self.device.build(directory=str(self.project), run=False, with_output=False)

    def run(self) -> Run:
        """One run of the binary."""
        wall = time.perf_counter()
        self.device.run(str(self.project), with_output=False)
        wall = (time.perf_counter() - wall) / self.seconds  # with the warm-up: an upper bound
        cpu = float((self.project / "cpu.txt").read_text()) / self.seconds
        rates, cv = {}, {}
        for name, monitor in self.monitors.items():
            step = np.rint(np.asarray(monitor.t / b.second) / DT).astype(int)
            is_late = step >= round(self.warm_up / DT)
            n = self.spec["populations"][name]["n"]
            rates[name], cv[name] = activity(step[is_late], np.asarray(monitor.i)[is_late], n, self.seconds)
        return Run(cpu, wall, rates, cv)

    def _trace_tau(self) -> float:
        """The time constant that all fast rules share."""
        rules = [r for p in self.spec["projections"].values() for r in p["plasticity"].values()]
        taus = {r[key] for r in rules for key in ("tau", "tau_plus", "tau_minus") if key in r}
        if len(taus) > 1:
            raise ValueError(f"rules have traces of {sorted(taus)} s; this peer has one trace for each neuron: use one tau")
        return taus.pop() if taus else 0.0

    def _is_plastic(self, name: str, end: str) -> bool:
        return any(p["plasticity"] and p[end] == name for p in self.spec["projections"].values())

    def _slow(self, name: str) -> dict[str, Any]:
        """The slow rules that look at a population."""
        rules = dict(self.spec["populations"][name]["plasticity"])
        for p in self.spec["projections"].values():
            if p["target"] == name and "synaptic_scaling" in p["plasticity"]:
                rules["synaptic_scaling"] = p["plasticity"]["synaptic_scaling"]
        return rules

    def _membrane(self, p: dict[str, Any]) -> tuple[dict[str, float], list[str], list[str]]:
        """Constants, what the tuned form does in a step, and the equations of the manual form."""
        given = p["parameters"]
        constants = {"v_rest": given["v_rest"], "theta": given["v_threshold"], "v_reset": given["v_reset"]}
        if p["neuron"] == "lif_delta":
            constants |= {"keep": np.exp(-DT / given["tau_membrane"]), "tau_m": given["tau_membrane"]}
            code = ["v = v_rest + drive + (v - v_rest - drive) * keep + g_e - g_i", "g_e = 0", "g_i = 0"]
            return constants, code, ["dv/dt = (v_rest + drive - v) / (tau_m*second) : 1 (unless refractory)"]
        decay = {key: np.exp(-DT / tau) for key, tau in p["tau"].items()}
        constants |= {"leak": DT / given["tau_membrane"], "gain": DT / given["capacitance"]}
        constants |= {"e_e": given["e_excitatory"], "e_i": given["e_inhibitory"]}
        constants |= {"keep_e": decay["excitatory"], "keep_i": decay["inhibitory"], "step": DT}
        change = "(leak * ((v_rest - v) + drive) + gain * (g_e * (e_e - v) + g_i * (e_i - v)))"
        code = [f"v = v + {change}", "g_e = g_e * keep_e", "g_i = g_i * keep_i"]
        equations = [
            f"dv/dt = {change} / (step*second) : 1 (unless refractory)",
            "dg_e/dt = -g_e * (1 - keep_e) / (step*second) : 1",
            "dg_i/dt = -g_i * (1 - keep_i) / (step*second) : 1",
        ]
        return constants, code, equations

    def _group(self, name: str, p: dict[str, Any]) -> Any:
        constants, code, equations = self._membrane(p)
        variables, reset = ["drive"], ["v = v_reset"]
        slow = self._slow(name)
        if slow:
            variables += ["seen", "growth"]
            reset.append("seen += 1")
        method: Any = "exact" if p["neuron"] == "lif_delta" else "euler"
        if self.is_tuned:
            for trace, end in (("arrived", "source"), ("emitted", "target")):
                if self._is_plastic(name, end):
                    constants["keep_x"] = np.exp(-DT / self.tau)
                    variables.append(trace)
                    code.append(f"{trace} = {trace} * keep_x")
            if self._is_plastic(name, "target"):
                reset.append("emitted += 1")
            variables += ["g_e", "g_i"]
            shared = [f"{x} : 1 (shared, constant)" for x in constants]
            equations, method = ["dv/dt = 0*Hz : 1 (unless refractory)", *shared], Step("\n".join(code))
        group = b.NeuronGroup(
            p["n"],
            "\n".join([*equations, *(f"{x} : 1" for x in variables)]),
            threshold="v > theta",
            reset="\n".join(reset),
            refractory=p["parameters"]["refractory"] * b.second,
            method=method,
            namespace={} if self.is_tuned else constants,
            name=f"neurons_{name}",
        )
        for key, value in constants.items() if self.is_tuned else ():
            setattr(group, key, value)
        group.v, group.drive = self.arrays[f"v {name}"], self.arrays[f"drive {name}"]
        if slow:
            self._slow_rules(group, slow)
        return group

    def _slow_rules(self, group: Any, rules: dict[str, Any]) -> None:
        """Once a window; at its first call, at 0 s, nothing is amiss."""
        (target,) = {r["target_rate"] for r in rules.values()}
        window = self.spec["window"]
        group.seen = target * window
        proportional = rules.get("synaptic_scaling", {}).get("proportional", 0.0)
        gain = rules.get("intrinsic_drive", {}).get("gain", 0.0)
        code = f"""
        growth = 1 + {window * proportional!r} * (1 - seen / {target * window!r})
        drive += {gain!r} * ({target * window!r} - seen)
        seen = 0
        """
        group.run_regularly(code, dt=window * b.second, when="start", order=0)

    def _fast_rule(self, p: dict[str, Any]) -> tuple[dict[str, float], str]:
        """Constants, and the weight after a presynaptic spike."""
        before, after = float(np.exp(-DT / self.tau)), float(np.exp(DT / self.tau))
        emitted = "emitted_post" if self.is_tuned else "emitted"
        if "pair_stdp" in p["plasticity"]:
            rule = p["plasticity"]["pair_stdp"]
            gain = rule["learning_rate"] * p["weight_max"]
            constants = {"loss": rule["asymmetry"] * gain * before, "reward": gain * after}
            change = f"w - loss * {emitted}"
        else:
            rule = p["plasticity"]["inhibitory_stdp"]
            gain = rule["learning_rate"]
            offset = gain * 2 * rule["target_rate"] * rule["tau"]
            constants = {"loss": gain * before, "offset": offset, "reward": gain * after}
            change = f"w + (loss * {emitted} - offset)"
        return constants | {"top": p["weight_max"]}, f"w = clip({change}, 0, top)"

    def _receiver(self, target: str, channel: str) -> tuple[str, str]:
        """The variable that an event of a channel acts on, and the sign."""
        if self.is_tuned or self.spec["populations"][target]["neuron"] != "lif_delta":
            return CHANNEL[channel], "+"
        return "v", "+" if channel == "excitatory" else "-"

    def _synapses(self, name: str, p: dict[str, Any]) -> None:
        variable, sign = self._receiver(p["target"], p["channel"])
        on_pre, equations = [f"{variable}_post {sign}= w"], ["w : 1 (shared, constant)"]
        on_post: list[str] = []
        constants: dict[str, float] = {}
        if p["plasticity"]:
            constants, change = self._fast_rule(p)
            equations = ["w : 1"]
            on_pre.append(change)
            if self.is_tuned:
                self._relay(p["source"], p["delay"])
                on_post = ["w = clip(w + reward * arrived_pre, 0, top)"]
                equations += [f"{x} : 1 (shared, constant)" for x in constants]
            else:
                equations += [f"d{x}/dt = -{x} / (tau*second) : 1 (event-driven)" for x in ("arrived", "emitted")]
                on_pre.append("arrived += 1")
                on_post = ["emitted += 1", "w = clip(w + reward * arrived, 0, top)"]
        synapses = b.Synapses(
            self.groups[p["source"]],
            self.groups[p["target"]],
            "\n".join(equations),
            on_pre="\n".join(on_pre),
            on_post="\n".join(on_post) or None,
            delay=(p["delay"] - 1) * b.defaultclock.dt,
            namespace={} if self.is_tuned else constants | {"tau": self.tau},
            name=f"synapses_{name}",
        )
        # An arrival at the end of a step is one at the start of the next: after the spikes of this step have acted.
        synapses.pre.when, synapses.pre.order = ("before_thresholds", 0) if variable == "v" else ("after_resets", 1)
        synapses.connect(i=self.arrays[f"source {name}"], j=self.arrays[f"target {name}"])
        synapses.w = p["weight"]
        for key, value in constants.items() if self.is_tuned else ():
            setattr(synapses, key, value)
        if "synaptic_scaling" in p["plasticity"]:
            window = self.spec["window"] * b.second
            synapses.run_regularly(f"w = clip(w * growth_post, 0, {p['weight_max']!r})", dt=window, when="start", order=1)
        self.objects.append(synapses)

    def _relay(self, name: str, delay: int) -> None:
        """A spike reaches the trace of its own neuron when it reaches the synapses."""
        if any(x.name == f"relay_{name}" for x in self.objects):
            return
        group = self.groups[name]
        relay = b.Synapses(group, group, on_pre="arrived_post += 1", delay=(delay - 1) * b.defaultclock.dt, name=f"relay_{name}")
        relay.connect(j="i")
        relay.pre.when, relay.pre.order = "after_resets", 0
        self.objects.append(relay)

    def _poisson(self, entry: dict[str, Any]) -> None:
        """A thousand outside neurons for each neuron, as in Brunel 2000."""
        variable, sign = self._receiver(entry["population"], entry["channel"])
        rate, weight = entry["rate"] / 1000 * b.Hz, float(f"{sign}1") * entry["weight"]
        when = "before_thresholds" if variable == "v" else "synapses"
        self.objects.append(b.PoissonInput(self.groups[entry["population"]], variable, 1000, rate, weight, when=when))


if __name__ == "__main__":
    answer_channel()
    form, where, kind, before, length = sys.argv[1:]
    peer = Peer(form, Path(where), kind, float(before), float(length))
    serve(f"Brian2 {b.__version__}", peer.run)
