"""Eligibility traces: what each synapse gains while a modulator is there, paid when the synapse is visited.

dc/dt = -c / tau, dw/dt = rate c (baseline + d), dd/dt = -d / tau_modulator. Between two visits w gains c(t0) times the
integral of rate exp(-(t - t0) / tau) (baseline + d), which is `value` (`integral` - `paid`): values are scaled to the start
of a period, and the integral runs from there. At its end every synapse is settled. All in float64, since it takes
differences of the integral; exact but for rounding.
"""

import math
from typing import NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import kernel
from homeoanalysis.numerics.traces import zeros

_PERIOD = 4  # time constants: exp(4) costs two digits


class Eligibility(NamedTuple):
    """The eligibility of many synapses, and the modulator that they share."""

    forgetting: float  # of the eligibility in a step
    fading: float  # of the modulator
    steady: float  # integrals over all time, for c = 1: of the baseline,
    transient: float  # and of d = 1
    period: int  # steps
    value: np.ndarray  # c, scaled
    paid: np.ndarray  # the integral at the last visit
    owed: np.ndarray  # gains of earlier periods
    modulator: np.ndarray  # [d, what is to be added when the next step is reached]
    integral: np.ndarray  # [since the start of the period, scale of what becomes eligible now]
    clock: np.ndarray  # [step, start of the period]


def eligibility(n: int, tau: float, tau_modulator: float, rate: float, baseline: float, dt: float) -> Eligibility:
    """n synapses without any, for steps of `dt` [s]."""
    integral = zeros(2)
    integral[1] = 1.0
    return Eligibility(
        forgetting=dt / tau,
        fading=dt / tau_modulator,
        steady=rate * baseline * tau,
        transient=rate / (1 / tau + 1 / tau_modulator),
        period=max(1, round(_PERIOD * tau / dt)),
        value=zeros(n),
        paid=zeros(n),
        owed=zeros(n),
        modulator=zeros(2),
        integral=integral,
        clock=zeros(2, np.int64),
    )


@kernel
def reach(e, t):  # type: ignore[no-untyped-def]
    """Bring modulator and integral to step t."""
    while e.clock[0] < t:
        end = e.clock[1] + e.period
        stop = t if t < end else end
        n = stop - e.clock[0]
        gain = e.steady * -math.expm1(-n * e.forgetting)
        gain += e.modulator[0] * e.transient * -math.expm1(-n * (e.forgetting + e.fading))
        e.integral[0] += gain / e.integral[1]
        e.modulator[0] *= math.exp(-n * e.fading)
        e.clock[0] = stop
        if stop == end:
            keep = math.exp(-e.period * e.forgetting)
            for k in range(e.value.size):
                e.owed[k] += e.value[k] * (e.integral[0] - e.paid[k])
                e.value[k] *= keep
                e.paid[k] = 0
            e.integral[0] = 0
            e.clock[1] = stop
        e.integral[1] = math.exp((stop - e.clock[1]) * e.forgetting)
    e.modulator[0] += e.modulator[1]
    e.modulator[1] = 0


@kernel
def pay(e, k):  # type: ignore[no-untyped-def]
    """What synapse k has gained since its last visit, by the step that was reached."""
    gain = e.owed[k] + e.value[k] * (e.integral[0] - e.paid[k])
    e.owed[k] = 0
    e.paid[k] = e.integral[0]
    return gain


@kernel
def tag(e, k, amount):  # type: ignore[no-untyped-def]
    """Synapse k, just visited, becomes more eligible."""
    e.value[k] += amount * e.integral[1]
