"""Composition by type: one compiled loop for any combination of mechanisms.

A mechanism is a NamedTuple of numbers and arrays whose class has static methods, the *hooks*. A hook called on
a NamedTuple runs the static method of that name of its class; called on a plain tuple it runs on every element
that has the method, unrolled at compile time. `@each` runs them in turn, `@summed` returns the sum (the
decorated body is the value where none has the hook), `@collected` returns the tuple of the results.

The same calls work in plain Python, which is the reference in the tests. numba is imported by `activate`, not
here: to read a config, nobody pays for a compiler.

Write no float literals in a hook: 1.0 is a float64, and one of them makes a float32 step 1.6 times slower.
"""

import inspect
from collections.abc import Callable
from typing import Any

# No `nnan` and no `ninf`: a blow-up must stay visible. No reference counting (`_nrt`): kernels cannot allocate.
OPTIONS: dict[str, Any] = {
    "fastmath": {"reassoc", "nsz", "arcp", "contract"},
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,
}

_pending: list[Callable[[], None]] = []
_is_active = False


def when_active(register: Callable[[], None]) -> None:
    """Run `register` once numba may be imported; as a decorator too."""
    if _is_active:
        register()
    else:
        _pending.append(register)


def activate() -> None:
    """Import numba and tell it of every hook and kernel declared so far; later ones tell it themselves."""
    global _is_active
    _is_active = True
    _widen()
    while _pending:
        _pending.pop(0)()


def _widen() -> None:
    """Let LLVM use vectors of 512 bits where the processor has them.

    On some it takes half of that, for fear of their clock: sweeps over neurons are 5 to 10 % slower so. No effect if this
    process has compiled something before, or the user has chosen features by NUMBA_CPU_FEATURES.
    """
    import numba
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    if numba.config.CPU_FEATURES is None and features.get("avx512f"):  # type: ignore[attr-defined]
        numba.config.CPU_FEATURES = f"{features.flatten()},-prefer-256-bit"  # type: ignore[attr-defined]


def _hook_options() -> dict[str, Any]:
    """Options of what compiled functions call."""
    from homeoanalysis.numerics.pipelines import HookCompiler

    return {**OPTIONS, "no_cfunc_wrapper": True, "pipeline_class": HookCompiler}


def kernel(function: Callable[..., Any]) -> Any:
    """A plain function that hooks may call, and that may stay one: for loops over neurons or synapses, which vectorise."""

    def register() -> None:
        from numba.extending import register_jitable

        register_jitable(**_hook_options())(function)

    when_active(register)
    return function


def inlined(function: Callable[..., Any]) -> Any:
    """The same for a few lines that cost less than a call, which passes every array as seven words."""

    def register() -> None:
        from numba.extending import register_jitable

        register_jitable(**_hook_options(), forceinline=True)(function)

    when_active(register)
    return function


def each(default: Callable[..., Any]) -> Any:
    """A hook that runs on every element in turn."""
    return _hook(default, "each")


def summed(default: Callable[..., Any]) -> Any:
    """A hook whose results are added up."""
    return _hook(default, "sum")


def collected(default: Callable[..., Any]) -> Any:
    """A hook whose results make a tuple; every element must have it, or gets the default."""
    return _hook(default, "tuple")


def _hook(default: Callable[..., Any], join: str) -> Any:
    name, arguments = default.__name__, list(inspect.signature(default).parameters)

    def call(first: Any, *others: Any) -> Any:
        if hasattr(first, "_fields"):
            return getattr(type(first), name, default)(first, *others)
        found = [call(x, *others) for x in first if join == "tuple" or hasattr(type(x), name)]
        if join == "tuple":
            return tuple(found)
        if join == "sum":
            return sum(found[1:], found[0]) if found else default(first, *others)
        return None

    def choose(first: Any) -> Any:
        """The Python function that numba compiles for this type of the first argument."""
        if hasattr(first, "instance_class"):
            return getattr(first.instance_class, name, default)
        here = [k for k, x in enumerate(first) if join == "tuple" or hasattr(x.instance_class, name)]
        calls = [f"hook({', '.join([f'{arguments[0]}[{k}]', *arguments[1:]])})" for k in here]
        if join == "sum" and not calls:
            return default
        body = {
            "each": "; ".join(calls) or "pass",
            "sum": "return " + " + ".join(calls),
            "tuple": f"return ({''.join(c + ', ' for c in calls)})",
        }
        return _function("unrolled", arguments, body[join], {"hook": call})

    def register() -> None:
        from numba.extending import overload

        # numba compares the argument names of the two functions, so that the signature is written out.
        typed = _function("typed", arguments, f"return choose({arguments[0]})", {"choose": choose})
        # A call passes every array as seven words, so that a hook that is not inlined costs more than its body.
        overload(call, jit_options=_hook_options() | {"forceinline": True}, strict=False)(typed)  # type: ignore[arg-type]

    when_active(register)
    call.__name__, call.__doc__ = name, default.__doc__
    return call


def _function(name: str, arguments: list[str], body: str, space: dict[str, Any]) -> Any:
    exec(f"def {name}({', '.join(arguments)}):\n    {body}", space)  # numba needs a signature, not *args
    return space[name]
