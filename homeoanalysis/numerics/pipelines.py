"""How numba makes machine code here: of a whole loop at once, and of nothing that runs as a part of it.

numba optimises a function with all that it calls, makes machine code of it, and does so again for each function that calls it: of
a loop of a hundred hooks, all inlined, a hundred codes, of which one ever ran. And what takes a call's arguments apart was
optimised like the loop: with the two hundred arrays of a network it is as long, for a microsecond of a call. Both together, and
the collector of garbage, were 40 % of the time. The numbers are the same to the bit, and the loop as fast.
"""

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from llvmlite.binding import Linkage
from numba.core.callwrapper import PyCallWrapper
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering


class HookCompiler(CompilerBase):
    """For functions that only compiled functions call."""

    def define_pipelines(self) -> list[Any]:
        return [_steps_with(_LowerHook, self.state)]


class LoopCompiler(CompilerBase):
    """For functions that Python calls."""

    def define_pipelines(self) -> list[Any]:
        return [_steps_with(_LowerLoop, self.state)]

    def _compile_core(self) -> Any:
        with _no_collection():  # there is no garbage before the end
            result = super()._compile_core()
        # Where hooks look for their Python objects, if they print: numba sets it of what is machine code by itself.
        for found in result._find_referenced_environments():
            result.library.codegen.set_env(found.env_name, found)
        return result


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerHook(NativeLowering):
    _name = "lower_hook"

    def run_pass(self, state: Any) -> bool:
        state.library = _HookLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerLoop(NativeLowering):
    _name = "lower_loop"

    @property
    def lowering_class(self) -> type[Lower]:
        return _Lower

    def run_pass(self, state: Any) -> bool:
        state.library = _LoopLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


class _HookLibrary(JITCodeLibrary):
    """The code of a hook, tidied up (else loops came out a tenth slower): the rest is done to what it is linked into."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        return _WithoutEnvironments(self._codegen)


class _WithoutEnvironments:
    """What makes code, but for the addresses of Python objects, which are known when the loop is machine code."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: object) -> None:
        pass


class _LoopLibrary(JITCodeLibrary):
    """The code of a loop. What is linked into it is its own.

    numba names a function by its types, and these by the names of their classes, of which the catalogue has many `_Kernel`: two
    loops of a process may each have another hook of one name, and the first would run in both.
    """

    def _optimize_final_module(self) -> None:
        super()._optimize_final_module()
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal


class _Lower(Lower):
    """As numba does it, but that what takes the arguments apart is left as it is."""

    def create_cpython_wrapper(self, release_gil: bool = False) -> None:
        if self.genlower:
            super().create_cpython_wrapper(release_gil)
            return
        context, described = self.context, self.fndesc
        module = context.create_module("wrapper")
        kind = context.call_conv.get_function_type(described.restype, described.argtypes)
        called = ir.Function(module, kind, described.llvm_func_name)
        wrapper = PyCallWrapper(context, module, called, described, self.env, self.call_helper, release_gil)
        function, _ = wrapper.build()
        for attribute in ("noinline", "optnone"):
            function.attributes.add(attribute)
        self.library.add_ir_module(module)


def _steps_with(lowering: type[NativeLowering], state: Any) -> Any:
    """numba's, with this one in the place of its own."""
    steps = DefaultPassBuilder.define_nopython_pipeline(state)
    steps.passes = [(lowering if step is NativeLowering else step, told) for step, told in steps.passes]
    steps.finalize()
    return steps


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()
