"""How a kernel is compiled: its decorators, and the one place that knows numba.

Policy: nopython, ``nogil`` (a bulk job must not hold up a what-if), ``error_model="numpy"`` (a
kernel guards its own divisions), no ``fastmath`` and no ``parallel`` (results are the same bits
whatever the machine's load and processor), one signature per array kernel, compiled or taken from
disk when it is first called and kept on disk, for each processor apart.

The cache on disk. numba marks a cached function with a hash of *its own* file, so an edit of a
scalar helper in another file would leave its callers stale. Here the mark is a hash of every file
of this room: any edit recompiles all kernels once. Where no cache directory can be written the
kernels are compiled in each process.

Without compilation. ``SEAWALL_DISABLE_JIT=1`` (or numba's own ``NUMBA_DISABLE_JIT=1``) leaves the
plain Python functions in place, for debuggers and coverage; with the former numba is not even
imported. The plain function is always at ``.py_func``. Kernels therefore keep to what means the
same in both worlds: Python raises where numba gives inf, so they never divide by zero, take the
log of zero or overflow ``exp``.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

POLICY = {"nogil": True, "error_model": "numpy", "fastmath": False, "parallel": False}

# Last part of the name of an array that a kernel writes.
WRITTEN = "out"

DECLARED: list[tuple[Any, str]] = []
"""The kernels of all modules imported so far, each with its signature; none without compilation."""


class Kernel(Protocol[P, R_co]):
    """A compiled function that still carries its Python original."""

    @property
    def py_func(self) -> Callable[P, R_co]:
        """The plain Python function, to step through or to compare with."""
        ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the kernel."""
        ...


def kernel(
    signature: str = "", *, inline: bool = False, keeps_gil: bool = False
) -> Callable[[Callable[P, R_co]], Kernel[P, R_co]]:
    """Compile a function for exactly one signature, written as numba writes it.

    Arrays are C-contiguous: ``kernel("void(f8[::1], i8[::1], f8[:, ::1])")``. A parameter named
    ``out`` or ``…_out`` is written; every other array is compiled as read-only, so that a
    read-only array is accepted as it is and an assignment to it does not compile. Calls with any
    other type raise ``TypeError`` instead of compiling again: the caller normalises.

    Without a signature, ``@kernel()``, the function is a scalar helper: it is compiled into the
    kernels that call it and has no entry of its own in the cache. ``inline`` puts it into its
    callers whatever its size: a loop around a call is not turned into vector instructions.
    ``keeps_gil`` is for kernels of a microsecond that a bulk job must not come between: who lets go
    of the interpreter waits until the job does, which takes longer than the kernel.
    """

    def decorate(function: Callable[P, R_co]) -> Kernel[P, R_co]:
        if _numba() is None:
            return _plain(function)
        return _compiled(function, signature, inline, keeps_gil)

    return decorate


def operation(emit: Callable[..., object]) -> Callable[[Callable[P, R_co]], Kernel[P, R_co]]:
    """Replace a function in compiled kernels by the instructions that ``emit`` writes.

    ``emit(builder, *args)`` gets llvmlite's builder and the arguments as LLVM's values: floats as
    double, whole numbers as int64, of an array numba's structure (``data``, ``shape``). It returns
    a double if the function is annotated as ``float`` and nothing otherwise. The function itself
    says what is computed and serves without compilation.
    """

    def decorate(function: Callable[P, R_co]) -> Kernel[P, R_co]:
        if _numba() is not None:
            _replace(function, emit)
        return _plain(function)

    return decorate


def _numba() -> Any:
    """The compiler, or None where it is switched off."""
    if os.environ.get("SEAWALL_DISABLE_JIT") == "1":
        return None
    import numba

    library = cast(Any, numba)
    return None if library.config.DISABLE_JIT else library


def _plain(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    cast(Any, function).py_func = function
    return cast("Kernel[P, R_co]", function)


def _replace(function: Callable[..., object], emit: Callable[..., object]) -> None:
    from numba import extending as numba_extending
    from numba.core import types as numba_types
    from numba.core.typing import templates as numba_templates

    types, templates = cast(Any, numba_types), cast(Any, numba_templates)
    gives_float = inspect.get_annotations(function)["return"] == "float"

    class Typing(templates.AbstractTemplate):
        key = function

        def generic(self, args: Any, _keywords: Any) -> Any:
            takes = (types.int64 if isinstance(each, types.Integer) else each for each in args)
            return templates.signature(types.float64 if gives_float else types.void, *takes)

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> object:
        given = (
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, values, strict=True)
        )
        result = emit(builder, *given)
        return result if gives_float else context.get_dummy_value()

    templates.infer_global(function, types.Function(Typing))
    cast(Any, numba_extending).lower_builtin(function, types.VarArg(types.Any))(lower)


def _compiled(
    function: Callable[P, R_co], signature: str, inline: bool, keeps_gil: bool
) -> Kernel[P, R_co]:
    policy = {**POLICY, "nogil": not keeps_gil}
    dispatcher = _numba().njit(**policy, forceinline=inline)(function)
    if signature:
        _enable_cache(dispatcher)
        _compile_when_used(dispatcher, signature)
        DECLARED.append((dispatcher, signature))
    return cast("Kernel[P, R_co]", dispatcher)


def compile_now(dispatcher: Any, signature: str) -> None:
    """Compile a kernel, or take it from disk, unless that has been done. Threads take turns."""
    from numba.core import compiler_lock

    with cast(Any, compiler_lock).global_compiler_lock:
        if dispatcher.overloads:
            return
        dispatcher.compile(_argument_types(dispatcher.py_func, signature))
        dispatcher.disable_compile()


def _compile_when_used(dispatcher: Any, signature: str) -> None:
    """Have a dispatcher compile its signature, and no other, when it is first called or linked.

    numba asks ``_compile_for_args`` what to call for arguments that it has no code for, and
    ``get_call_template`` what a kernel that calls this one is to call.
    """
    own_template = dispatcher.get_call_template

    def for_args(*_args: object) -> object:
        compile_now(dispatcher, signature)
        return dispatcher

    def for_callers(*args: object) -> object:
        compile_now(dispatcher, signature)
        return own_template(*args)

    dispatcher._compile_for_args = for_args
    dispatcher.get_call_template = for_callers


def _argument_types(function: Callable[..., object], signature: str) -> tuple[Any, ...]:
    from numba.core import sigutils, types

    declared, _ = cast(Any, sigutils).normalize_signature(signature)
    names = inspect.signature(function).parameters
    return tuple(
        kind.copy(readonly=True)
        if isinstance(kind, cast(Any, types).Array) and not name.endswith(WRITTEN)
        else kind
        for name, kind in zip(names, declared, strict=True)
    )


def _enable_cache(dispatcher: Any) -> None:
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # numba found no directory it may write to
        return
    # numba offers no public way to widen its mark beyond one file; a test holds this line to it.
    dispatcher._cache._cache_file._source_stamp = _room_stamp()


@lru_cache(maxsize=1)
def _room_stamp() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
