"""The house model's numbers, keyed in by hand from docs/models/prbm.md.

Deliberately not read from the preset: a wrong number there has to disagree with one here.
"""

from tests.naive.market import STABLECOINS

_LARGE = ("SOL", "BNB", "XRP", "DOGE", "ADA", "AVAX", "LTC")
_INDEX = (
    *("SPX.US", "XSP.US", "NDX.US", "RUT.US", "DJX.US", "OEX.US"),
    *("SPY.US", "QQQ.US", "IWM.US", "DIA.US"),
    *("NIFTY.IN", "NIFTYNXT50.IN", "SENSEX.IN"),
)

PRBM = {
    "classes": {
        "btc": {
            "range": 0.16,
            "sigma_day": 0.045,
            "adv_usd": 5e9,
            "haircut": 0.01,
            "open_interest_usd": 10e9,
        },
        "eth": {
            "range": 0.20,
            "sigma_day": 0.055,
            "adv_usd": 5e9,
            "haircut": 0.01,
            "open_interest_usd": 10e9,
        },
        "large": {
            "range": 0.24,
            "sigma_day": 0.07,
            "adv_usd": 500e6,
            "haircut": 0.03,
            "open_interest_usd": 1e9,
        },
        "equity-index": {
            "range": 0.12,
            "sigma_day": 0.025,
            "adv_usd": 500e6,
            "haircut": 0.03,
            "open_interest_usd": 1e9,
        },
        "single-stock": {
            "range": 0.20,
            "sigma_day": 0.05,
            "adv_usd": 100e6,
            "haircut": 0.05,
            "open_interest_usd": 250e6,
        },
        "other": {
            "range": 0.35,
            "sigma_day": 0.10,
            "adv_usd": 20e6,
            "haircut": 0.08,
            "open_interest_usd": 50e6,
        },
    },
    "members": {
        "BTC": "btc",
        "ETH": "eth",
        **dict.fromkeys(_LARGE, "large"),
        **dict.fromkeys(_INDEX, "equity-index"),
    },
    "markets": {".US": "single-stock", ".IN": "single-stock"},
    "groups": {"crypto-majors": ("BTC", "ETH")},
    "rho": 0.60,
    "grid_fractions": (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0),
    "tail_moves": (-0.66, -0.33, 0.50, 1.00, 2.00, 3.00, 4.00, 5.00),
    "vol": {
        "up_rel": 0.45,
        "down_rel": 0.30,
        "floor_when_up": 0.40,
        "reference_days": 30.0,
        "shortest_days": 1.0,
        "power_short": 0.30,
        "power_long": 0.13,
    },
    "skew": {"tilt_rel": 0.10, "cut_sd": 3.0},
    "term": {"twist_rel": 0.15, "centre_days": 7.0, "long_days": 365.0},
    "horizon_days": 1.0,
    "short_option_minimum": 0.0075,
    "gross_floor": 0.0025,
    "liquidity": {"of_mark": 0.01, "half_spread_rel": 0.0005, "impact": 0.8},
    "basis": {"min_move": 0.005, "annual_move": 0.05},
    "concentration": {"factor": 4.0, "free": 0.05, "least_cluster": 0.01},
    "funding": {"shock": 0.003},
    "oracle": {"sds": 1.0, "grace_s": 60.0},
    "utilisation": {"knee": 0.80, "full": 0.50},
    "initial_factor": 1.25,
    "haircut": {"sds": 3.0, "stable_min": 0.005, "stable_sigma": 0.001, "stable_spread": 0.0005},
    # least, daily sigma, spread: docs/collateral.md
    "foreign_cash": (0.02, 0.006, 0.0005),
    "rwa": (0.15, 0.01, 0.02),
    "other_min": 0.25,
    "lp_share": 0.10,
    "depeg": 0.05,
    "caps": {"value": 0.50, "supply": 0.05, "supply_usd": 100e6},
    "assets": {
        "currencies": ("EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "SGD", "HKD", "INR"),
        "stablecoins": STABLECOINS,
        "rwa": ("BUIDL", "BENJI", "OUSG", "USDY", "USTB", "USYC"),
        "wraps": {
            **dict.fromkeys(("WETH", "STETH", "WSTETH", "WEETH", "RETH", "CBETH"), "ETH"),
            **dict.fromkeys(("WBTC", "CBBTC", "TBTC"), "BTC"),
            "SDAI": "DAI",
            "SUSDS": "USDS",
            "SUSDE": "USDE",
        },
    },
    "standard_option": {
        "rate": 0.15,
        "least_rate": 0.10,
        "maintenance_rate": 0.075,
    },
    "warning_ratio": 0.70,
}

# docs/models/collateral-factor.md: kind → collateral factor, and borrow factor at each level.
COLLATERAL_FACTOR = PRBM | {
    "factor": {
        "cash": (1.0, 0.95, 1.0),
        "foreign-cash": (0.95, 0.90, 0.95),
        "stablecoin": (0.90, 0.90, 0.95),
        "long-options": (0.50, None, None),
        "btc": (0.80, 0.80, 0.90),
        "eth": (0.80, 0.80, 0.90),
        "large": (0.65, 0.70, 0.80),
        "equity-index": (0.75, 0.75, 0.85),
        "single-stock": (0.50, 0.60, 0.70),
        "other": (0.40, 0.50, 0.60),
    }
}
