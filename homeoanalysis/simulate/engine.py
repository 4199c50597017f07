"""The loop over time. It knows the order of a step, and no model, storage or rule."""

from homeoanalysis.numerics.composition import each
from homeoanalysis.simulate.populations import advance, end_window, is_full
from homeoanalysis.simulate.projections import deliver, flush, learn


@each
def arrive(input, t):  # type: ignore[no-untyped-def]
    """An input from outside acts on its population."""


def run(populations, projections, inputs, start, stop, window):  # type: ignore[no-untyped-def]
    """Steps from `start` to `stop`; returns the step reached, which is less than `stop` if a spike log filled up.

    This plain Python function is the reference; `compiler.compiled` gives the same loop as machine code.
    """
    for t in range(start, stop):
        if is_full(populations) > 0:
            return t
        arrive(inputs, t)
        deliver(projections, t)
        advance(populations, t)
        learn(projections, t)
        if (t + 1) % window == 0:
            flush(projections, t)
            end_window(populations)
    return stop
