"""A small network around any file of neurons, synapses, plasticity, topologies or protocols, for the laws of whole runs."""

from typing import Any

from bench import parameters, written

from homeoanalysis import catalogue
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model

FOLDERS = ("neurons", "synapses", "plasticity", "topologies", "protocols")
ENTRIES = [(f, n) for f in FOLDERS for n in catalogue.names(f)]
STEPS, CUT = 240, 110  # of a run, and of its first part
# With which a mechanism has a state of its own that acts within milliseconds.
ACTIVE: dict[str, dict[str, Any]] = {
    "synaptic_scaling": {"proportional": "10 1/s", "integral_gain": "100 1/s^2", "tau_rate": "10 ms", "kind": "additive"},
    "structural": {"growth": "400 Hz", "tau_calcium": "10 ms"},
    "heterosynaptic": {"tau_consolidation": "10 ms"},
    "intrinsic_threshold": {"tau_rate": "10 ms"},
    "intrinsic_gain": {"tau": "100 ms", "tau_rate": "10 ms"},
    "release_homeostasis": {"tau": "100 ms", "tau_rate": "10 ms"},
    "voltage_stdp": {"u_reference": "8 mV"},
    "tsodyks_markram": {"tau_facilitation": "50 ms"},
    "neuromodulator": {
        "rise": "5 ms",
        "every": "1 ms",
        "post": {"synapses.pair_stdp": 2.0},
        "gain": {"cell": 1.2},
        "scale": {"synapses.three_factor_stdp.tau_plus": 1.5, "cell.lif_conductance.tau_membrane": 0.9},
        "shift": {"cell.lif_conductance.v_threshold": "-1 mV", "synapses.three_factor_stdp.baseline": 1.0},
    },
}
WEIGHT = {"S": ("6 nS", "60 nS"), "A": ("300 pA", "3 nA"), "V": ("6 mV", "60 mV")}


def network(folder: str, name: str, n: int = 8, probability: float = 0.5, **override: Any) -> Model:
    """Two populations with an input, and synapses from one to the other; slow rules act every 5 ms.

    override: what else is different, as in a variant of a model.
    """
    neuron, rules, intrinsic = "lif_conductance", ["pair_stdp", "three_factor_stdp"], ["intrinsic_drive"]
    wire: Any = {"fixed_probability": {"probability": probability}}
    channels, protocols = {}, {}
    entry = {name: written(folder, name) | ACTIVE.get(name, {})}
    if folder == "neurons":
        neuron, rules = name, ["pair_stdp"]
    elif folder == "synapses":
        neuron = "lif_delta" if name == "delta" else neuron
        channels, rules = {"excitatory": entry}, ["pair_stdp"]
    elif folder == "plasticity":
        form = catalogue.load(folder, name)(**parameters(folder, name)).form
        intrinsic = [entry] if form == "intrinsic" else intrinsic
        rules = [entry] if form != "intrinsic" else rules
        rules = ["tsodyks_markram", entry] if form == "presynaptic" else rules
    elif folder == "topologies":
        wire = entry
    else:
        known = catalogue.parameters(folder, name).model_fields
        times = {key: at for key, at in (("start", "6 ms"), ("stop", "17 ms")) if key in known}  # before and after the cut
        protocols = {"x": {name: entry[name] | times}}
        if "pulses" in entry[name]:
            protocols["x"][name]["pulses"] = ["16 ms", "6 ms"]
    is_structural = name == "structural"
    drawn = {"uniform": {"low": "0.5 ms", "high": "1.2 ms"}}
    unit = catalogue.load("neurons", neuron).channels["excitatory"]
    weight, top = WEIGHT[unit]
    given = [{rule: written("plasticity", rule)} if isinstance(rule, str) else rule for rule in rules]
    own = [{rule: written("plasticity", rule)} if isinstance(rule, str) else rule for rule in intrinsic]
    cell = {"n": n, "neuron": neuron, "channels": channels, "extent": "1 mm"}
    synapses = {"source": "cell" if is_structural else "other", "target": "cell", "channel": "excitatory", "topology": wire}
    synapses |= {"weight": weight, "weight_max": top, "delay": "0.5 ms" if is_structural else drawn, "plasticity": given}
    drive = {"population": "cell", "channel": "excitatory", "rate": "3 kHz", "weight": weight, "correlation": 0.3}
    if name in ("explicit", "modular"):
        cell["n"] = max(n, 40)
    runs = {} if name == "recorded_stimulus" else {"duration": f"{STEPS * 1e-4} s"}
    content = merge(
        {
            "title": "a network with one mechanism",
            **runs,
            "window": "5 ms",
            "checkpoint_every": f"{CUT * 1e-4} s",
            "populations": {"cell": cell | {"plasticity": own}, "other": cell},
            "projections": {"synapses": synapses},
            "protocols": {
                "drive": {"correlated_input": drive},
                "drive_other": {
                    "poisson_input": {key: v for key, v in drive.items() if key != "correlation"} | {"population": "other"}
                },
                **protocols,
            },
        },
        override,
    )
    return Model.model_validate(content)
