"""The risk array of one underlying under a model: its class, its cells, its revaluation."""

from __future__ import annotations

from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.offsets import TailMeasure
from seawall.risk.book import UnderlyingBook
from seawall.risk.joint_scenarios import JointScenarios, OfClass, Past
from seawall.risk.revaluation import RiskArray
from seawall.risk.scenarios import grid_of, lay_out


def array_of(part: UnderlyingBook, model: MarginModel, past: Past) -> RiskArray | None:
    """The array of what is held in an underlying; None in a model without scenarios.

    Raises BadParameter when no class takes the underlying, BadNumber when an instrument cannot be
    revalued, PoorHistory where scenarios ask for a past that is not known.
    """
    scenarios, revaluation = model.scenarios, model.revaluation
    if scenarios is None or revaluation is None:
        return None
    numbers = class_of(part.underlying, model.classes)
    if isinstance(scenarios, JointScenarios) and isinstance(model.offsets, TailMeasure):
        of = OfClass(numbers.name, numbers.daily_vol_rel)
        cells = scenarios.laid_out(part, of, past, model.offsets)
        return revaluation.array(part, scenarios, cells)
    if isinstance(scenarios, JointScenarios):
        raise ValueError(f"{model.name} has joint scenarios and no tail measure")
    grid = grid_of(scenarios, numbers.name)
    cells = lay_out(grid, numbers.price_range_up_rel, numbers.price_range_down_rel)
    return revaluation.array(part, grid, cells)
