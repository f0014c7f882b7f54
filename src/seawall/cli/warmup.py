"""``seawall warmup``: compile ahead what would otherwise be compiled in the middle of an answer."""

from __future__ import annotations

import sys
import time


def warmup() -> None:
    """Compile every kernel, or take it from disk, and say where they are kept.

    For images of containers and for servers of CI: what runs there later compiles nothing.

    \b
    Examples:
      seawall warmup
    """
    from rich.console import Console
    from rich.progress import track

    from seawall.basics.errors import UnwritableFile
    from seawall.kernels.warmup import declared

    start, kernels = time.perf_counter(), declared()
    if not kernels:
        sys.stdout.write("nothing to compile: SEAWALL_DISABLE_JIT or NUMBA_DISABLE_JIT is set\n")
        return
    folders = sorted({str(kernel.folder) for kernel in kernels if kernel.folder is not None})
    if not folders:
        raise UnwritableFile(
            "there is no folder that compiled kernels can be kept in",
            where="cache of kernels",
            remedy="Name one that can be written: NUMBA_CACHE_DIR=FOLDER.",
        )
    console = Console(stderr=True)
    compiled = sum(
        kernel.make_ready()
        for kernel in track(
            kernels,
            description="kernels",
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    )
    seconds = time.perf_counter() - start
    sys.stdout.write(
        f"{len(kernels)} kernels are ready after {seconds:.1f} s: {compiled} compiled, "
        f"{len(kernels) - compiled} taken from disk\n"
    )
    sys.stdout.writelines(f"kept in {folder}\n" for folder in folders)
