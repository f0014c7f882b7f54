"""Seawall: portfolio risk-based margin, explained.

    import seawall as sw
    market = sw.read_market("chain.csv")
    book = sw.read_portfolio("book.csv")
    report = sw.margin(book, market, model="prbm")

The names below are the public face; everything else may change. They load on first use, so that
importing the package costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seawall.basics.errors import SeawallError as SeawallError
    from seawall.cluster.accounts import margin_accounts as margin_accounts
    from seawall.cluster.resident import AccountCluster as AccountCluster
    from seawall.feeds.account_margins import check_positions as check_positions
    from seawall.feeds.account_margins import position_warnings as position_warnings
    from seawall.feeds.batch.files import batch_files as batch_files
    from seawall.feeds.batch.run import margin_file as margin_file
    from seawall.feeds.books import read_portfolio as read_portfolio
    from seawall.feeds.books import read_portfolios as read_portfolios
    from seawall.feeds.histories import read_history as read_history
    from seawall.feeds.market import read_market as read_market
    from seawall.feeds.models import read_model as read_model
    from seawall.feeds.reports import write_report as write_report
    from seawall.feeds.synthetic import synthetic_market as synthetic_market
    from seawall.feeds.synthetic_book import synthetic_portfolio as synthetic_portfolio
    from seawall.lab.backtest.backtest import backtest as backtest
    from seawall.lab.calibration.calibrate import calibrate as calibrate
    from seawall.margin.eligibility import Membership as Membership
    from seawall.margin.model import MarginModel as MarginModel
    from seawall.margin.presets import load_preset as load_preset
    from seawall.margin.presets import preset_names as preset_names
    from seawall.margin.presets import with_second as with_second
    from seawall.market.history import MarketHistory as MarketHistory
    from seawall.market.snapshot import MarketSnapshot as MarketSnapshot
    from seawall.market.surface import vol_surface as vol_surface
    from seawall.products.names import contract_spec as contract_spec
    from seawall.products.names import parse_name as parse_name
    from seawall.products.names import parse_venue_name as parse_venue_name
    from seawall.products.names import units_of as units_of
    from seawall.products.names import venue_name as venue_name
    from seawall.products.portfolio import Portfolio as Portfolio
    from seawall.products.portfolio import Position as Position
    from seawall.products.portfolio import portfolio as portfolio
    from seawall.report.build import margin as margin
    from seawall.report.change import explain_change as explain_change
    from seawall.report.comparison import Comparison as Comparison
    from seawall.report.comparison import compare as compare
    from seawall.report.explanation import explain as explain
    from seawall.report.json_schema import json_schema as json_schema
    from seawall.report.margin_book import MarginBook as MarginBook
    from seawall.report.membership import margin_of_member as margin_of_member
    from seawall.report.reduction import Reduction as Reduction
    from seawall.report.reduction import reduce_margin as reduce_margin
    from seawall.report.schema import MarginReport as MarginReport
    from seawall.report.surface import surface as surface
    from seawall.report.what_if import what_if as what_if

__version__ = "0.1.0"

_HOMES = {
    "AccountCluster": "seawall.cluster.resident",
    "Comparison": "seawall.report.comparison",
    "MarginBook": "seawall.report.margin_book",
    "MarginModel": "seawall.margin.model",
    "MarginReport": "seawall.report.schema",
    "MarketHistory": "seawall.market.history",
    "MarketSnapshot": "seawall.market.snapshot",
    "Membership": "seawall.margin.eligibility",
    "Portfolio": "seawall.products.portfolio",
    "Position": "seawall.products.portfolio",
    "Reduction": "seawall.report.reduction",
    "SeawallError": "seawall.basics.errors",
    "backtest": "seawall.lab.backtest.backtest",
    "batch_files": "seawall.feeds.batch.files",
    "calibrate": "seawall.lab.calibration.calibrate",
    "check_positions": "seawall.feeds.account_margins",
    "compare": "seawall.report.comparison",
    "contract_spec": "seawall.products.names",
    "explain": "seawall.report.explanation",
    "explain_change": "seawall.report.change",
    "json_schema": "seawall.report.json_schema",
    "load_preset": "seawall.margin.presets",
    "margin": "seawall.report.build",
    "margin_accounts": "seawall.cluster.accounts",
    "margin_file": "seawall.feeds.batch.run",
    "margin_of_member": "seawall.report.membership",
    "parse_name": "seawall.products.names",
    "parse_venue_name": "seawall.products.names",
    "portfolio": "seawall.products.portfolio",
    "position_warnings": "seawall.feeds.account_margins",
    "preset_names": "seawall.margin.presets",
    "read_history": "seawall.feeds.histories",
    "read_market": "seawall.feeds.market",
    "read_model": "seawall.feeds.models",
    "read_portfolio": "seawall.feeds.books",
    "read_portfolios": "seawall.feeds.books",
    "reduce_margin": "seawall.report.reduction",
    "surface": "seawall.report.surface",
    "synthetic_market": "seawall.feeds.synthetic",
    "synthetic_portfolio": "seawall.feeds.synthetic_book",
    "units_of": "seawall.products.names",
    "venue_name": "seawall.products.names",
    "vol_surface": "seawall.market.surface",
    "what_if": "seawall.report.what_if",
    "with_second": "seawall.margin.presets",
    "write_report": "seawall.feeds.reports",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seawall' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__


class _Face(ModuleType):
    """Keeps ``seawall.margin`` the public function although a room has the same name.

    Importing a subpackage binds it as an attribute of its parent; for a name of the public face
    that binding is not made, and the room stays reachable as ``from seawall.margin.… import``.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
