"""Published cases held against a model, and what is said of files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall.basics.errors import UnknownModel, UnreadableFile, UnrecognisedFile
from seawall.cli.app import run
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.run import conform, held

PUBLISHED = {
    "derive-srm": ["derive/srm_cases_expanded.json", "derive/srm_test-cases.json"],
    "derive-pm2": [
        "derive/pm2/test_33_perps_general_perp_hedging.json",
        "derive/pm2/test_67_misc_skew_scenario_with_spot_move.json",
    ],
    "derive-pmrm": [
        "derive/pmrm1_testAndVerifyScenarios.json",
        "derive/pmrm1_liquidationTests.json",
    ],
    "dydx": ["defi/dydx/perp_margin_requirements.json"],
    "drift": ["defi/drift/size_weight_cases.json"],
    "mango": ["defi/mango/health_init_cases.json"],
    "vega": ["defi/vega/margin_levels.json", "defi/vega/quant_risk_measures.json"],
    "reg-t": ["tradfi/regt_strategy_vectors.json"],
    "deribit-pm-2024-06": ["cefi/deribit_pme_simulate_btc_docs.json"],
    "deribit-pm-2026-02": ["cefi/deribit_pme_simulate_btc_docs.json"],
    "cpm": ["tradfi/cpm_tims_derived.json"],
    "paradex-pm": ["defi/paradex/portfolio_margin_spec.json"],
    "okx-pm": ["cefi/okx_position_builder_docs.json", "cefi/okx_pm_rule_examples.json"],
    "bybit-pm": ["cefi/bybit_portfolio_margin_docs.json"],
    "full-collateral": ["defi/grappa/cross_margin_cash_math.json"],
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_every_published_case_comes_out_as_published(model: str, shared: Path) -> None:
    report = conform(model, [shared / "vectors" / file for file in PUBLISHED[model]])
    assert not [case for case in report.cases if case.failed]
    assert not [figure for figure in report.figures if not figure.passed]
    assert report.passed
    assert len(report.figures) >= 10


def test_another_model_is_told_apart_and_the_exit_code_says_so(
    shared: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = str(shared / "vectors/derive/srm_cases_expanded.json")
    assert run(["conform", "derive-srm", file]) == 0
    assert "28 of 28 cases pass, 0 skipped, under derive-srm" in capfd.readouterr().out
    assert run(["conform", "prbm", file, "--json"]) == 8
    report = json.loads(capfd.readouterr().out)
    assert report["model"]["name"] == "prbm"
    assert all("prbm has no charge" in case["failed"] for case in report["cases"])


def test_files_that_hold_no_cases_are_refused(tmp_path: Path) -> None:
    for content, error in (
        ("[1, 2", UnreadableFile),
        ('{"cases": []}', UnrecognisedFile),
        ("[]", UnrecognisedFile),
        ("3", UnrecognisedFile),
    ):
        file = tmp_path / "cases.json"
        file.write_text(content, encoding="utf-8")
        with pytest.raises(error, match="cases"):
            conform("derive-srm", [file])
    with pytest.raises(UnreadableFile):
        conform("derive-srm", [tmp_path / "none.json"])
    with pytest.raises(UnknownModel):
        conform("derive", [])


def test_a_figure_passes_within_either_tolerance_and_a_missing_one_never() -> None:
    case = Case(
        name="one",
        expected={"near": 100.0, "far": 100.0, "small": 0.0, "missing": 1.0},
        compute=lambda: {"near": 100.0 + 1e-8, "far": 100.1, "small": 1e-7},
        tolerance_rel=1e-9,
        tolerance_abs=1e-6,
    )
    outcome, figures = held(case, "file")
    assert [figure.passed for figure in figures] == [True, False, True, False]
    assert not outcome.passed
    assert held(Case("two", {}, dict, skipped="disabled"), "file")[0].passed


@pytest.mark.parametrize("model", ["cross", "prbm", "cpm", "paradex-pm", "okx-pm", "derive-pm2"])
def test_cases_of_other_models_fail_by_themselves_or_are_skipped(model: str, shared: Path) -> None:
    """Nothing that a case asks of a model that it was not published for is a fault of ours."""
    files = {file for own in PUBLISHED.values() for file in own[:1]}
    for file in sorted(files - set(PUBLISHED.get(model, ()))):
        report = conform(model, [shared / "vectors" / file])
        assert report.cases, file
        assert all(case.passed or case.failed or case.figures for case in report.cases), file


def test_a_case_that_cannot_be_read_fails_and_others_are_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    leg = {"type": "STK", "price": 50.0, "qty": 100}
    case = {"name": "shares", "underlying_price": 50, "multiplier": 100, "legs": [leg]}
    good.write_text(json.dumps({"cases": [{**case, "maintenance": 1250}]}), encoding="utf-8")
    bad.write_text(json.dumps({"cases": [{**case, "legs": [{"qty": 1}]}]}), encoding="utf-8")
    report = conform("reg-t", [bad, good])
    assert [case.passed for case in report.cases] == [False, True]
    assert "cannot be read" in str(report.cases[0].failed)
    assert not report.passed
