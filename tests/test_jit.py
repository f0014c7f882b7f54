"""The compile policy: one signature, inputs stay inputs, the cache sees every kernel file."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seawall.kernels import _jit, black76, implied_vol
from seawall.kernels._jit import kernel
from tests.conftest import ROOT

HELPER = """
from seawall.kernels._jit import kernel
@kernel()
def step_scalar(x):
    return x + {step}
"""
CALLER = """
import numpy as np
from seawall.kernels._jit import kernel
from seawall.kernels.helper import step_scalar
@kernel("void(f8[::1], f8[::1])")
def steps(x, out):
    for i in range(x.size):
        out[i] = step_scalar(x[i])
result = np.empty(1)
steps(np.array([40.0]), result)
hits = sum(steps.stats.cache_hits.values())
"""


def room_with(folder: Path, step: str) -> Path:
    """A package of two kernel files, one of which uses a scalar helper of the other."""
    room = folder / "seawall" / "kernels"
    room.mkdir(parents=True, exist_ok=True)
    shutil.copy(_jit.__file__, room)
    for package in (room, room.parent):
        (package / "__init__.py").touch()
    (room / "helper.py").write_text(HELPER.format(step=step), encoding="utf-8")
    (room / "caller.py").write_text(CALLER, encoding="utf-8")
    return folder


def run_caller(folder: Path, **environment: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_DISABLE_JIT")}
    code = "from seawall.kernels.caller import hits, result; print(result[0], hits)"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()


def test_edit_of_a_helper_in_another_file_reaches_its_compiled_callers(tmp_path: Path) -> None:
    assert run_caller(room_with(tmp_path, "1.0")) == "41.0 0"
    assert run_caller(tmp_path) == "41.0 1"
    assert run_caller(room_with(tmp_path, "2.0")) == "42.0 0"
    assert run_caller(tmp_path) == "42.0 1"


@pytest.mark.skipif(
    platform.machine().lower() not in {"x86_64", "amd64"}, reason="the name of an x86 processor"
)
def test_what_was_compiled_for_one_processor_is_not_taken_for_another(tmp_path: Path) -> None:
    lesser = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    assert run_caller(room_with(tmp_path, "1.0")) == "41.0 0"
    assert run_caller(tmp_path, **lesser) == "41.0 0"
    assert run_caller(tmp_path, **lesser) == "41.0 1"
    assert run_caller(tmp_path) == "41.0 1"


def test_kernels_compile_where_no_cache_can_be_written(tmp_path: Path) -> None:
    # A locator for zip archives finds no place for plain files: numba then refuses to cache.
    room_with(tmp_path, "1.0")
    environment = {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    assert run_caller(tmp_path, **environment) == "41.0 0"
    assert run_caller(tmp_path, **environment) == "41.0 0"


@pytest.mark.skipif(
    os.environ.get("SEAWALL_DISABLE_JIT") == "1" or os.environ.get("NUMBA_DISABLE_JIT") == "1",
    reason="plain Python takes any argument",
)
class TestCompiled:
    """What holds only of compiled kernels."""

    def test_other_types_are_refused_instead_of_compiled_again(self) -> None:
        out, status = np.empty(2), np.empty(2, np.int8)
        x, beta = np.array([-1.0, 0.0]), np.array([0.1, 0.2])
        for wrong in (x.astype(np.float32), np.array([-1, 0]), np.zeros(4)[::2]):
            with pytest.raises(TypeError, match="No matching definition"):
                implied_vol.normalised_implied_sds(wrong, beta, out, status)

    def test_read_only_input_needs_no_second_compilation(self) -> None:
        rows = np.array([100.0, 120.0])
        rows.flags.writeable = False
        flags = np.array([True, False])
        out = np.empty(2)
        black76.black76_values(rows, rows, rows / 200.0, rows / 400.0, flags, out)
        assert np.all(out > 0.0)
        with pytest.raises(TypeError, match="No matching definition"):
            black76.black76_values(rows, rows, rows, rows, flags, rows)

    def test_kernel_that_writes_to_an_input_does_not_compile(self) -> None:
        def scale(x: np.ndarray, out: np.ndarray) -> None:
            x[0] = 1.0
            out[0] = x[0]

        rows = np.array([1.0, 2.0])
        with pytest.raises(Exception, match=r"[Rr]ead-?only|modify"):
            kernel("void(f8[::1], f8[::1])")(scale)(rows, np.empty(2))
        assert rows.tolist() == [1.0, 2.0]

    def test_a_kernel_is_compiled_when_it_is_first_called(self) -> None:
        def twice(x: np.ndarray, out: np.ndarray) -> None:
            for i in range(x.size):
                out[i] = 2.0 * x[i]

        doubling = kernel("void(f8[::1], f8[::1])")(twice)
        assert len(doubling.signatures) == 0
        with pytest.raises(TypeError, match="No matching definition"):
            doubling(np.zeros(2, np.float32), np.empty(2))
        assert len(doubling.signatures) == 1
        out = np.empty(2)
        doubling(np.array([1.0, 2.0]), out)
        assert out.tolist() == [2.0, 4.0]
        assert len(doubling.signatures) == 1

    def test_a_kernel_within_a_kernel_keeps_its_one_signature(self) -> None:
        @kernel("void(f8[::1], f8[::1])")
        def inner(x: np.ndarray, out: np.ndarray) -> None:
            for i in range(x.size):
                out[i] = x[i] + 1.0

        @kernel("void(f8[::1], f8[::1])")
        def outer(x: np.ndarray, out: np.ndarray) -> None:
            inner(x, out)
            inner(out, out)

        out = np.empty(1)
        outer(np.array([1.0]), out)
        assert out[0] == 3.0
        assert len(inner.signatures) == len(outer.signatures) == 1

    def test_threads_that_call_first_at_once_compile_once(self) -> None:
        @kernel("void(f8[::1], f8[::1])")
        def negate(x: np.ndarray, out: np.ndarray) -> None:
            for i in range(x.size):
                out[i] = -x[i]

        def call(number: float) -> float:
            out = np.empty(1)
            negate(np.array([number]), out)
            return float(out[0])

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(call, map(float, range(16)))) == [-float(i) for i in range(16)]
        assert len(negate.signatures) == 1


def test_plain_function_stands_beside_the_compiled_one() -> None:
    option = (100.0, 110.0, 0.5, 0.25, True)
    compiled = black76.black76_scalar(*option)
    assert black76.black76_scalar.py_func(*option) == pytest.approx(compiled, rel=1e-15, abs=0.0)
    assert black76.black76_scalar.py_func.__name__ == "black76_scalar"


def test_numbas_own_switch_leaves_plain_functions(tmp_path: Path) -> None:
    room_with(tmp_path, "1.0")
    caller = tmp_path / "seawall" / "kernels" / "caller.py"
    text = caller.read_text(encoding="utf-8").replace("sum(steps.stats.cache_hits.values())", "-1")
    caller.write_text(text + "assert steps.py_func is steps\n", encoding="utf-8")
    assert run_caller(tmp_path, NUMBA_DISABLE_JIT="1") == "41.0 -1"
    assert run_caller(tmp_path, SEAWALL_DISABLE_JIT="1") == "41.0 -1"


def test_the_whole_pipeline_gives_the_same_rows_without_compilation() -> None:
    program = (
        "import sys, seawall as sw\n"
        "report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market())\n"
        "assert ('numba' in sys.modules) == (sys.argv[1] == 'compiled')\n"
        "print(report.to_json().decode())\n"
    )
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_DISABLE_JIT")}
    compiled, plain = (
        subprocess.run(
            [sys.executable, "-c", program, word],
            env=inherited | setting,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for word, setting in (("compiled", {}), ("plain", {"SEAWALL_DISABLE_JIT": "1"}))
    )
    figures = [json.loads(printed) for printed in (compiled, plain)]
    assert figures[0]["rows"] == figures[1]["rows"]
    assert figures[0]["collateral_rows"] == figures[1]["collateral_rows"]
    for with_jit, without in zip(*(f["risk_matrix"] for f in figures), strict=True):
        for row, expected in zip(with_jit["pnl"], without["pnl"], strict=True):
            assert row == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_many_accounts_have_the_same_cents_without_compilation() -> None:
    program = (
        "from tests.account_models import models\n"
        "from tests.account_tables import at_once, drawn_accounts, instruments_of\n"
        "from tests.account_tables import told, wide_market\n"
        "market = wide_market(told(wide_market(), crowd=300.0))\n"
        "pool = [each for each in instruments_of(market) if each.underlying != 'KO.US']\n"
        "held = drawn_accounts(2, market, 12, pool)\n"
        "for name in ('prbm', 'no netting'):\n"
        "    found = at_once(held, market, models()[name])\n"
        "    print(found.initial_cents.tolist(), found.haircut_cents.tolist())\n"
    )
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_DISABLE_JIT")}
    compiled, plain = (
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=inherited | setting,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for setting in ({}, {"SEAWALL_DISABLE_JIT": "1"})
    )
    assert len(compiled.splitlines()) == 2
    assert compiled == plain
