"""The networks of the benchmark, as a user would write them in YAML."""

from typing import Any

_STATIC = {"E_to_E": 0.3, "E_to_I": 0.3, "I_to_I": 3.0, "I_to_E": 3.0}  # nS


def _conductance(n_e: int, n_i: int, probability: float, weights: dict[str, float], drive: str) -> dict[str, Any]:
    neuron = {"lif_conductance": {"drive": drive}}
    return {
        "title": "benchmark",
        "dt": "0.1 ms",
        "duration": "1 h",
        "window": "1 s",
        "populations": {
            "E": {"n": n_e, "cell_type": "E", "neuron": neuron},
            "I": {"n": n_i, "cell_type": "I", "neuron": neuron},
        },
        "projections": {
            name: {
                "source": name[0],
                "target": name[-1],
                "channel": "excitatory" if name[0] == "E" else "inhibitory",
                "topology": {"fixed_probability": {"probability": probability}},
                "weight": f"{weight:g} nS",
                "delay": "0.8 ms",
            }
            for name, weight in weights.items()
        },
    }


def vogels() -> dict[str, Any]:
    """A: Vogels et al. 2011, 8000 + 2000 neurons, 2 %; the inhibitory synapses onto E are plastic."""
    model = _conductance(8000, 2000, 0.02, _STATIC, "20 mV")
    model["projections"]["I_to_E"] |= {
        "weight_max": "30 nS",
        "plasticity": [{"inhibitory_stdp": {"target_rate": "5 Hz", "learning_rate": "0.01 nS"}}],
    }
    return model


def brunel() -> dict[str, Any]:
    """B: Brunel 2000, 10000 + 2500 neurons, 10 %, g = 5, outside input twice the threshold rate."""
    names = ("E_to_E", "E_to_I", "I_to_E", "I_to_I")
    return {
        "title": "benchmark",
        "dt": "0.1 ms",
        "duration": "1 h",
        "window": "1 s",
        "populations": {"E": {"n": 10_000, "neuron": "lif_delta"}, "I": {"n": 2_500, "neuron": "lif_delta"}},
        "projections": {
            name: {
                "source": name[0],
                "target": name[-1],
                "channel": "excitatory" if name[0] == "E" else "inhibitory",
                "topology": {"fixed_probability": {"probability": 0.1}},
                "weight": "0.1 mV" if name[0] == "E" else "0.5 mV",
                "delay": "1.5 ms",
            }
            for name in names
        },
        "protocols": {
            f"outside_{key}": {
                "poisson_input": {"population": key, "channel": "excitatory", "rate": "20 kHz", "weight": "0.1 mV"}
            }
            for key in ("E", "I")
        },
    }


def _plastic(n_e: int, n_i: int, probability: float, weights: dict[str, float], weight_max: float) -> dict[str, Any]:
    model = _conductance(n_e, n_i, probability, weights, "20 mV")
    model["projections"]["E_to_E"] |= {
        "weight_max": f"{weight_max:g} nS",
        "plasticity": [
            {"pair_stdp": {"learning_rate": 0.001, "asymmetry": 1.05}},
            {"synaptic_scaling": {"target_rate": "5 Hz", "proportional": "0.01 1/s"}},
        ],
    }
    model["projections"]["I_to_E"] |= {
        "weight_max": "100 nS",
        "plasticity": [{"inhibitory_stdp": {"target_rate": "5 Hz", "learning_rate": "0.01 nS"}}],
    }
    return model


def plastic() -> dict[str, Any]:
    """C: pair STDP, inhibitory STDP and scaling; 4000 + 1000 neurons, 10 %."""
    return _plastic(4000, 1000, 0.1, {"E_to_E": 0.1, "E_to_I": 0.1, "I_to_I": 1.0, "I_to_E": 1.0}, 0.4)


def homeostatic() -> dict[str, Any]:
    """D: all of these and intrinsic homeostasis; 400 + 100 neurons, 20 %."""
    model = _plastic(400, 100, 0.2, {"E_to_E": 0.5, "E_to_I": 0.5, "I_to_I": 5.0, "I_to_E": 5.0}, 2.0)
    model["populations"]["E"]["plasticity"] = [{"intrinsic_drive": {"target_rate": "5 Hz", "gain": "0.01 mV"}}]
    return model


NETWORKS = {"A": vogels, "B": brunel, "C": plastic, "D": homeostatic}
