"""``seawall surface`` and its Python face: the surface's own numbers, tables and JSON, errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seawall as sw
from seawall.basics.errors import InputError, MissingQuote
from seawall.cli.app import run
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.market.surface import SliceReport
from seawall.market.unlisted import with_unlisted
from seawall.products.names import parse_name
from seawall.report.schema import to_json
from seawall.report.surface import SurfaceReport
from tests import commands
from tests.tables import chain, write

FILES = ("chain.csv", "futures.csv")


pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic market, and a chain of one expiry with too few strikes."""
    folder = tmp_path_factory.mktemp("surface")
    for quotes, name in zip(synthetic_quotes(), FILES, strict=True):
        write_market_csv(quotes, folder / name)
    write(chain().head(8), folder / "few.csv")
    return folder


def answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    return commands.answer(capfd, "surface", *arguments)


def test_json_is_that_of_the_library(capfd: pytest.CaptureFixture[str]) -> None:
    reports = sw.surface(sw.read_market(FILES))
    assert [(r.underlying, r.settlement) for r in reports] == [("BTC", "BTC"), ("ETH", "ETH")]
    assert answer(capfd, *FILES, "--json") == to_json(reports).decode() + "\n"
    told = json.loads(answer(capfd, *FILES, "--underlying", "ETH", "--json"))
    assert list(told) == ["schema", *SurfaceReport.__struct_fields__]
    assert list(told["expiries"][0]) == list(SliceReport.__struct_fields__)
    assert told["expiries"][0]["status"] == "fitted"


def test_numbers_are_those_of_the_surface() -> None:
    market = sw.read_market(FILES)
    [report] = sw.surface(market, "BTC")
    built = sw.vol_surface(market, "BTC", "BTC")
    assert len(report.expiries) == len(built.smiles) == 11
    for row, smile in zip(report.expiries, built.smiles, strict=True):
        assert (row.expiry, row.forward, row.strikes) == (
            smile.expiry,
            smile.forward,
            smile.strike.size,
        )
        fitted = smile.fit().slice
        assert fitted is not None
        missed = np.sqrt(fitted.total_variance(smile.log_moneyness) / smile.tenor_years) - smile.vol
        assert row.rms_error_vol_points == pytest.approx(100.0 * np.sqrt(np.mean(missed**2)))
        assert row.atm_vol == pytest.approx(built.vol(row.expiry, row.forward)[0])
        assert row.age_s == 0.0
    assert report.warnings == market.warnings


def test_what_was_added_is_not_reported() -> None:
    market = sw.synthetic_market()
    held = [parse_name(name) for name in ("BTC-13MAR26-90000-P", "BTC-27MAR26-91234-C")]
    assert sw.surface(with_unlisted(market, held)) == sw.surface(market)


def test_each_expiry_has_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, *FILES, "--underlying", "BTC")
    assert text.startswith("BTC  options settled in BTC  market 2026-01-16 16:00:00 UTC\n")
    told: Any = json.loads(answer(capfd, *FILES, "--underlying", "BTC", "--json"))
    for row in told["expiries"]:
        errors = (f"{row[key]:.2f}" for key in ("rms_error_vol_points", "max_error_vol_points"))
        cells = (
            row["expiry"][:10],
            f"{row['forward']:,.7g}",
            f"{row['atm_vol']:.1%}",
            str(row["strikes"]),
            row["status"],
            *errors,
            "0, 0",
            "0 s",
        )
        assert re.search("^" + " +".join(map(re.escape, cells)) + "$", text, re.M), cells


def test_what_cannot_be_fitted_shows_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "few.csv")
    assert re.search(r" 4 +too few strikes +- +- +0, 0 +0 s$", text, re.M), text
    [row] = json.loads(answer(capfd, "few.csv", "--json"))["expiries"]
    assert (row["rms_error_vol_points"], row["max_error_vol_points"]) == (None, None)


def test_tables_fit_eighty_columns(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.cli.terminal.PIPE_WIDTH", 80)
    lines = answer(capfd, *FILES).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (*FILES, "--underlying", "SOL"),
            r"no option on SOL is listed \(.*\)\. Choose from BTC, E",
        ),
        (("futures.csv",), r"no option is listed \(.*\)\. Add an option chain"),
        (("absent.csv",), "there is no such file"),
        ((), "Missing argument"),
    ],
)
def test_errors_are_one_line(
    arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["surface", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: .+ \(.+\)\. .+\n", err), err
    assert re.search(said, err), err


def test_what_is_no_market_is_refused() -> None:
    with pytest.raises(InputError, match="is no MarketSnapshot"):
        sw.surface("chain.csv")  # type: ignore[arg-type]
    with pytest.raises(MissingQuote, match="no option on DOGE is listed"):
        sw.surface(sw.synthetic_market(), "DOGE")
