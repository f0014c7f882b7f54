"""The same bits on every processor: kernels compiled for others than the one that runs them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seawall as sw
from seawall.kernels import ieee
from seawall.kernels._jit import kernel
from seawall.risk import revaluation
from tests.bits import digest_of_everything
from tests.conftest import ROOT
from tests.risk_rows import risk_rows

PLAIN = "1" in (os.environ.get("SEAWALL_DISABLE_JIT"), os.environ.get("NUMBA_DISABLE_JIT"))
pytestmark = [
    pytest.mark.skipif(PLAIN, reason="without compilation the last digits may differ"),
    pytest.mark.skipif(
        platform.machine().lower() not in {"x86_64", "amd64"}, reason="names of x86 processors"
    ),
]

# LLVM's name of a processor, what is added and taken away, what this machine must have to run it.
TARGETS = {
    "AVX-512": ("skylake-avx512", "-prefer-256-bit", "avx512f avx512bw avx512dq avx512vl"),
    "AVX2 and FMA": ("haswell", "", "avx2 fma"),
    "AVX2 without FMA": ("haswell", "-fma", "avx2"),
    "SSE2": ("x86-64", "", "sse2"),
}


def answer(folder: Path, target: str, *command: str) -> str:
    """What a process prints that compiles everything anew for a target."""
    from llvmlite import binding

    name, features, needed = TARGETS[target]
    host = binding.get_host_cpu_features()
    missing = [feature for feature in needed.split() if not host.get(feature)]
    if missing:
        pytest.skip(f"this processor lacks {', '.join(missing)}")
    environment = {
        "NUMBA_CPU_NAME": name,
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(folder / "cache"),
    }
    printed = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert list((folder / "cache").rglob("*.nbc")), "nothing was compiled for the target"
    return printed


@pytest.fixture
def margined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rows that a margin of the synthetic book hands to the kernel, in a file."""
    names, seen = list(risk_rows(1, 20)), []

    def watched(*arguments: np.ndarray) -> None:
        seen.append(arguments[:-1])
        kernels_own(*arguments)

    kernels_own = revaluation.revalue
    monkeypatch.setattr(revaluation, "revalue", watched)
    sw.margin(sw.synthetic_portfolio(), sw.synthetic_market())
    largest = max(seen, key=lambda arguments: arguments[0].size)
    np.savez(tmp_path / "rows.npz", **dict(zip(names, largest, strict=True)))
    return tmp_path / "rows.npz"


@pytest.mark.parametrize("target", TARGETS)
def test_golden_arrays_have_the_same_bits_on(target: str, margined: Path, tmp_path: Path) -> None:
    here = digest_of_everything(str(margined))
    there = answer(tmp_path, target, "-m", "tests.bits", str(margined))
    assert dict(line.split(": ") for line in there.splitlines()) == here


def test_a_whole_report_is_the_same_without_any_extension(tmp_path: Path) -> None:
    program = (
        "import seawall as sw\n"
        "report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market())\n"
        "print(report.to_json().decode())\n"
    )
    report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market())
    assert answer(tmp_path, "SSE2", "-c", program).strip() == report.to_json().decode()


# ---------------------------------------------------------------------------- what they rest on


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1])")
def fused(x: np.ndarray, y: np.ndarray, z: np.ndarray, out: np.ndarray) -> None:
    """x·y + z as kernels compute it."""
    for i in range(out.size):
        out[i] = ieee.fma(x[i], y[i], z[i])


FACTORS = st.floats(-1e100, 1e100).filter(lambda x: abs(x) > 1e-100 or x == 0.0)


@given(x=FACTORS, y=FACTORS, z=FACTORS)
def test_fused_multiply_add_rounds_once(x: float, y: float, z: float) -> None:
    out = np.empty(2)
    near = np.array([z, -x * y])  # the second leaves what rounding the product lost
    fused(np.array([x, x]), np.array([y, y]), near, out)
    assert out.tolist() == [float(Fraction(x) * Fraction(y) + Fraction(each)) for each in near]
