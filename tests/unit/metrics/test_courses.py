"""Values and growth of state variables, responses of a train, and changes of weights: by hand, and at their edges."""

import numpy as np
import pytest

from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed, synthetic, synthetic_signals

RATE = 10.0  # [Hz]


def _states(*courses: np.ndarray, **options):
    trains = [np.arange(1.0, 3.0)]
    return synthetic_signals.with_signal(trains, np.stack(courses), RATE, kind="state_variable", units="1", **options)


def test_a_value_is_read_between_samples_or_averaged_over_a_window():
    time = np.arange(100) / RATE
    activity = _states(2 * time, -time)
    moments = {"early": 1.05, "last": 9.9, "never": 20.0}
    found = measure([activity], "state_value", moments=moments).state_value.isel(replicate=0)
    assert found.sel(variable="c0").values == pytest.approx([2.1, 19.8, np.nan], nan_ok=True)
    assert found.sel(variable="c1", moment="early") == pytest.approx(-1.05)
    mean = measure([activity], "state_value", moments=moments, window=1.0).state_value.isel(replicate=0, variable=0)
    assert mean.values == pytest.approx([2 * np.mean([0.1 * k for k in range(1, 11)]), 2 * 9.45, np.nan], nan_ok=True)


def test_what_was_not_observed_has_no_value():
    activity = observed.restrict(_states(np.arange(100.0)), np.array([0.0, 6.0]), np.array([4.0, 9.0]))
    found = measure([activity], "state_value", moments={"seen": 3.0, "gap": 5.0}).state_value.values.ravel()
    assert found == pytest.approx([30.0, np.nan], nan_ok=True)
    window = measure([activity], "state_value", moments={"into_the_gap": 6.5}, window=1.0).state_value
    assert np.isnan(window).all()


def test_a_departure_grows_with_its_rate_and_a_constant_has_none():
    time = np.arange(600) / RATE
    found = measure([_states(3 + 1e-6 * np.exp(0.2 * time), np.full(time.size, 3.0))], "growth_rate").growth_rate.isel(
        replicate=0
    )
    assert found.values == pytest.approx([0.2, np.nan], rel=1e-3, nan_ok=True)


@pytest.mark.parametrize(("sizes", "ratio"), [([1.0, 2.0, 3.0], 3.0), ([2.0, 1.0, 0.5, 0.5], 0.25), ([1.0], np.nan)])
def test_the_last_response_of_a_train_is_set_against_the_first(sizes, ratio):
    course = np.zeros(200)
    course[20 + 30 * np.arange(len(sizes))] = sizes
    course = np.convolve(course, np.exp(-np.arange(20.0)))[:200]
    found = measure([_states(course)], "response_train_ratio")
    assert found.response_train_ratio.values.ravel() == pytest.approx([ratio], rel=1e-6, nan_ok=True)


def test_an_epoch_without_trials_is_one_train_and_what_lies_outside_is_not_looked_at():
    """Two responses in the epoch, the second half as large; a larger third one comes later, and a trial lies before."""
    course = np.zeros(200)
    course[[100, 120, 180]] = 2.0, 1.0, 8.0
    activity = synthetic.with_trials(_states(course, epochs={"pair": (9.0, 15.0)}), np.array([0.5]), 1.0, ["one"])
    found = measure([activity], "response_train_ratio", epoch="pair")
    assert found.response_train_ratio.values.ravel() == pytest.approx([0.5])
    assert np.isnan(measure([activity], "response_train_ratio").response_train_ratio).all()
    assert "no such epoch" in measure([activity], "response_train_ratio", epoch="pairs").attrs["not_applicable"]


def _inputs(*names: str):
    return _states(np.tile([1.0, 3.0], 50), np.tile([2.0, 10.0], 50)).assign_coords(state_variable_channel=list(names))


def test_inhibition_over_excitation_is_of_the_neurons_that_are_in_both_traces():
    found = measure([_inputs("excitatory.E0.excitatory", "inhibitory.E0.inhibitory")], "input_balance").isel(epoch=0)
    assert found.channel.values.tolist() == ["0/excitatory.E0.excitatory"]
    assert found.input_balance.values == pytest.approx([3.0])
    assert found.input_balance_correlation.values == pytest.approx([1.0])
    apart = measure([_inputs("excitatory.E0.excitatory", "inhibitory.E1.inhibitory")], "input_balance")
    assert "no neuron is in both traces, 'excitatory' and 'inhibitory'" in apart.attrs["not_applicable"]


def test_weights_of_each_projection_change_by_themselves():
    activity = synthetic.weights(4, 10, lambda w: 1.5 * w, np.random.default_rng(1))
    names = np.where(np.arange(40) < 20, "plastic", "silent")
    values = activity.weight.values.copy()
    values[:, 20:] = 0
    activity = activity.assign(weight=(activity.weight.dims, values, activity.weight.attrs), projection=("synapse", names))
    found = measure([activity], "weight_change").weight_change.isel(replicate=0)
    assert found.sel(projection="plastic") == pytest.approx(0.5)
    assert np.isnan(found.sel(projection="silent"))
    alone = measure([activity.isel(snapshot=[0])], "weight_change")
    assert "one moment only" in alone.attrs["not_applicable"]


def test_without_the_signal_the_reason_is_given():
    nothing = synthetic.activity([np.arange(1.0, 3.0)], 5.0)
    for name, parameters in (("state_value", {"moments": {"end": 1.0}}), ("growth_rate", {}), ("response_train_ratio", {})):
        assert "no signal: state_variable" in measure([nothing], name, **parameters).attrs["not_applicable"]
