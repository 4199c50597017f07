"""exp(x) that vectorises: the one of the C library is a call for each number, which stops the loop over neurons."""

import math
from typing import Any

import numpy as np

from homeoanalysis.numerics.composition import when_active

# type: (largest |x|, terms of the series, ln 2 cut to few bits and its rest, bits of the mantissa, bias of the exponent)
_PRECISION: dict[str, tuple[float, int, float, float, int, int]] = {
    "float64": (708.0, 13, 6.93145751953125e-1, 1.42860682030941723212e-6, 52, 1023),
    "float32": (87.0, 7, 6.93359375e-1, -2.12194440e-4, 23, 127),
}


def exponential(x: Any) -> Any:
    """exp(x), in the type of x; beyond +-708 (float32: +-87) the value at that bound, so that it never becomes infinite.

    The relative error is below 4e-16 (float32: 2e-7): x = n ln 2 + r with |r| < 0.35, exp(r) by its Taylor series, whose
    first missing term is below 2e-17 (float32: 6e-9), and 2^n by the bits of its exponent.
    Source: argument reduction, Cody & Waite 1980, Software Manual for the Elementary Functions, chapter 6.
    """
    bound = type(x)(_PRECISION[np.dtype(type(x)).name][0])
    return np.exp(x if -bound < x < bound else (x if x != x else np.copysign(bound, x)))


@when_active
def _register() -> None:
    from llvmlite import ir
    from numba.extending import intrinsic, overload

    word = ir.IntType(32)

    @intrinsic
    def polynomial(context: Any, x: Any) -> Any:
        bound, terms, large, small, mantissa, bias = _PRECISION[x.name]

        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            x = values[0]
            keep = ["contract"]  # no reassociation: it would undo the reduction

            def number(value: float) -> Any:
                return ir.Constant(x.type, value)

            x = builder.select(builder.fcmp_ordered(">", x, number(bound)), number(bound), x)
            x = builder.select(builder.fcmp_ordered("<", x, number(-bound)), number(-bound), x)
            floor = builder.module.declare_intrinsic("llvm.floor", [x.type])
            halves = builder.fadd(builder.fmul(x, number(1 / math.log(2)), flags=keep), number(0.5), flags=keep)
            n = builder.call(floor, [halves])
            r = builder.fsub(x, builder.fmul(n, number(large), flags=keep), flags=keep)
            r = builder.fsub(r, builder.fmul(n, number(small), flags=keep), flags=keep)
            series = number(1 / math.factorial(terms))
            for k in reversed(range(terms)):
                series = builder.fadd(builder.fmul(series, r, flags=keep), number(1 / math.factorial(k)), flags=keep)
            exponent = builder.add(builder.fptosi(n, word), word(bias))
            bits = ir.IntType(64 if mantissa == 52 else 32)
            wide = exponent if bits == word else builder.zext(exponent, bits)
            return builder.fmul(series, builder.bitcast(builder.shl(wide, bits(mantissa)), x.type), flags=keep)

        return x(x), generate

    overload(exponential, inline="always")(lambda x: lambda x: polynomial(x))  # type: ignore[call-arg]  # the context is given by numba
