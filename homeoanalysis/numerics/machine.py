"""What a hook needs from the machine: parameters that may differ between neurons, prefetching, a barrier of threads.

Each is a plain Python function, which is the reference, and the machine code that `activate` gives to numba.
"""

import os
from typing import Any

import numpy as np

from homeoanalysis.numerics.composition import when_active


def at(parameter: Any, i: int) -> Any:
    """The value for element i: `parameter` is one number for all, or an array."""
    return parameter[i] if isinstance(parameter, np.ndarray) else parameter


def prefetch(array: np.ndarray, index: int) -> None:
    """Ask for the cache line of array[index]. It may lie past the end: nothing is read."""


def count_in(counter: np.ndarray) -> None:
    """Add 1 to counter[0], whatever other threads do to it."""
    counter[0] += 1


def look(counter: np.ndarray) -> int:
    """counter[0] as other threads have left it."""
    return int(counter[0])


def give_way() -> None:
    """Let another thread run: there may be more threads than processors."""
    os.sched_yield()


@when_active
def _register() -> None:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic, overload

    @overload(at, inline="always")
    def typed_at(parameter, i):  # type: ignore[no-untyped-def]  # numba compares the signatures word by word
        if isinstance(parameter, types.Array):
            return lambda parameter, i: parameter[i]
        return lambda parameter, i: parameter

    @intrinsic
    def ask(context: Any, array: Any, index: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            data = target.make_array(signature.args[0])(target, builder, values[0]).data
            pointer = builder.bitcast(builder.gep(data, [values[1]]), ir.IntType(8).as_pointer())
            word = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
            function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
            builder.call(function, [pointer, word(0), word(3), word(1)])  # read, keep near, data
            return target.get_dummy_value()

        return types.void(array, types.intp), generate

    @intrinsic
    def atomic_add(context: Any, array: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            data = target.make_array(signature.args[0])(target, builder, values[0]).data
            builder.atomic_rmw("add", data, ir.IntType(64)(1), "seq_cst")
            return target.get_dummy_value()

        return types.void(array), generate

    @intrinsic
    def atomic_load(context: Any, array: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            data = target.make_array(signature.args[0])(target, builder, values[0]).data
            return builder.load_atomic(data, "seq_cst", 8)

        return types.int64(array), generate

    overload(prefetch)(lambda array, index: lambda array, index: ask(array, index))  # type: ignore[call-arg]
    overload(count_in)(lambda counter: lambda counter: atomic_add(counter))  # type: ignore[call-arg]
    give_up_slice = types.ExternalFunction("sched_yield", types.int32())
    overload(give_way)(lambda: lambda: give_up_slice())
    overload(look)(lambda counter: lambda counter: atomic_load(counter))  # type: ignore[call-arg]
