"""Models of which mechanisms can be taken away: what each of these does alone."""

from typing import Any

import pytest

from homeoanalysis.config.loading import Config
from homeoanalysis.config.model import Model
from homeoanalysis.measure import measure
from homeoanalysis.simulate import sessions, simulate


def values(config: Config, study: str, variant: str, metric: str, **parameters: Any) -> dict[str, float]:
    """The metric in each session of one realisation, mean over units. Variants differ in what is taken away."""
    changes = config.studies[study].all_variants()[study]
    model = Model.model_validate(config.raw_model(study, changes[variant] if variant else {}))
    parts = sessions(simulate(model, name=study), model.sessions)
    found = measure([part.assign_attrs(source=variant) for part in parts], metric, **parameters)
    along = found.unit_replicate if "unit_replicate" in found.coords else found.replicate
    each = found[metric].values.reshape(along.size, -1).mean(axis=1)
    return {name: float(each[along.values == f"{name}-0"].mean()) for name in model.sessions}


@pytest.mark.slow
def test_a_loss_of_release_is_made_up_for_by_weights_and_not_by_utilisation(config: Config) -> None:
    """Half of the release leaves 0.28 of the rate. Depression eats what a higher utilisation adds (0.32); scaling gives 0.93
    back, and without any mechanism nothing comes back (control). Two realisations of each were seen."""
    ratio = {}
    for variant in ("none", "presynaptic", "postsynaptic"):
        rate = values(config, "release", variant, "evoked_rate")
        assert 0.2 < rate["knock_down_0"] / rate["control_0"] < 0.4
        ratio[variant] = rate["knock_down_3"] / rate["control_3"]
    assert 0.2 < ratio["none"] < ratio["presynaptic"] < 0.45
    assert ratio["postsynaptic"] > 0.8


@pytest.mark.slow
def test_only_scaling_makes_waves_without_inhibition_smaller(config: Config) -> None:
    """A block makes waves three times as large; they stay so with thresholds that rise (1.0 of the first hours), and shrink with
    excitation that is scaled (0.75 of them). Without a mechanism they stay (control)."""
    for variant, low, high in (("none", 0.9, 1.1), ("intrinsic", 0.9, 1.1), ("scaling", 0.5, 0.85)):
        spikes = values(config, "retina", variant, "population_event_spikes")
        assert 2.5 < spikes["first_hours"] / spikes["control"] < 3.5
        assert low < spikes["bicuculline"] / spikes["first_hours"] < high
        assert spikes["wash"] < 1.1 * spikes["control"]
