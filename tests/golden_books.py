"""The ten books of docs/models/prbm.md, "Worked by hand": the literal numbers.

They were worked out from the specification alone, outside this code base. Five tables a book, as in
the document: holdings (quantity, entry price); cells (underlying, direction, price move in %,
volatility, instant, net PnL, * the worst of its direction); rows (initial, maintenance); collateral
(value, haircut); margin value, excesses, MM ratio in %, state.
"""

WORKED = {
    "Long future": """
        USD 60000
        BTC-2MAR26 2 98000

        BTC up 0 up now *0.00
        BTC down -16 up now *-32979.59
        BTC down -66 up now -32979.59

        scanning_risk/BTC 32979.60 32979.60
        liquidity/BTC 145.54 145.54
        im_factor 8244.90 0.00
        requirement 41370.04 33125.14

        cash/USD 60000.00 0.00
        unrealised/BTC 6122.44 61.23
        equity 66122.44 61.23

        66061.21 24691.17 32936.07 50.14 healthy
        """,
    "Naked short put": """
        USD 14000
        BTC-31JAN26-90000-P -1

        BTC up 0 up now *-2020.07
        BTC up 4 up now -1058.13
        BTC down -16 up now -8764.93
        BTC down -33 up now -10538.94
        BTC down -66 up now *-13132.68

        scanning_risk/BTC 13132.69 13132.69
        liquidity/BTC 80.33 80.33
        im_factor 3283.18 0.00
        requirement 16496.20 13213.02

        cash/USD 14000.00 0.00
        options/BTC -1827.70 0.00
        equity 12172.30 0.00

        12172.30 -4323.90 -1040.72 108.55 liquidation
        """,
    "Covered call": """
        BTC 1
        BTC-31JAN26-110000-C -1

        BTC up 0 up now *-2309.55
        BTC up 50 up now 3674.26
        BTC down -16 down now -13735.21
        BTC down -33 up now -14921.25
        BTC down -66 up now *-15448.38

        scanning_risk/BTC 15448.38 15448.38
        liquidity/BTC 88.93 88.93
        basis/BTC 171.73 171.73
        im_factor 3862.10 0.00
        requirement 19571.14 15709.04

        spot/BTC 100000.00 1000.00
        options/BTC -2275.44 0.00
        equity 97724.56 1000.00

        96724.56 77153.42 81015.52 16.24 healthy
        """,
    "Box": """
        BTC-31JAN26-90000-C 10
        BTC-31JAN26-110000-C -10
        BTC-31JAN26-110000-P 10
        BTC-31JAN26-90000-P -10

        BTC up 0 up now *0.00
        BTC down -16 up now *0.00

        floor/crypto-majors 10000.00 10000.00
        liquidity/BTC 4820.63 4820.63
        im_factor 2500.00 0.00
        requirement 17320.63 14820.63

        options/BTC 200000.00 0.00
        equity 200000.00 0.00

        200000.00 182679.37 185179.37 7.41 healthy
        """,
    "Short straddle": """
        USD 310000
        BTC-31JAN26-100000-C -10
        BTC-31JAN26-100000-P -10

        BTC up 16 up now -107993.45
        BTC up 100 up now -141726.38
        BTC up 500 up now *-156343.19
        BTC down -16 up now -88332.72
        BTC down -66 up now *-132296.89

        scanning_risk/BTC 156343.19 156343.19
        liquidity/BTC 2178.28 2178.28
        im_factor 39085.80 0.00
        requirement 197607.27 158521.47

        cash/USD 310000.00 0.00
        options/BTC -114275.36 0.00
        equity 195724.64 0.00

        195724.64 -1882.63 37203.17 80.99 reduce-only
        """,
    "Delta-hedged straddle": """
        USD 310000
        BTC-31JAN26-100000-C -10
        BTC-31JAN26-100000-P -10
        BTC-PERPETUAL 0.57

        BTC up 16 up now -98873.45
        BTC up 500 up now *-147223.19
        BTC down -16 up now -97452.72
        BTC down -66 up now *-141416.89

        scanning_risk/BTC 147223.19 147223.19
        liquidity/BTC 2142.83 2142.83
        basis/BTC 1102.72 1102.72
        funding/BTC 171.00 0.00
        im_factor 36805.80 0.00
        requirement 187445.54 150468.74

        cash/USD 310000.00 0.00
        options/BTC -114275.36 0.00
        unrealised/BTC 0.00 0.00
        equity 195724.64 0.00

        195724.64 8279.10 45255.90 76.88 warning
        """,
    "Calendar": """
        USD 10000
        BTC-31JAN26-100000-C -1
        BTC-2MAR26-100000-C 1

        BTC up 16 down horizon *-1039.91
        BTC up 0 down now -481.63
        BTC down -16 down horizon *-2100.11
        BTC down -66 up horizon -684.66

        scanning_risk/BTC 2100.11 2100.11
        liquidity/BTC 244.18 244.18
        basis/BTC 1838.21 1838.21
        im_factor 525.03 0.00
        requirement 4707.53 4182.50

        cash/USD 10000.00 0.00
        options/BTC 2824.53 0.00
        equity 12824.53 0.00

        12824.53 8117.00 8642.03 32.61 healthy
        """,
    "Long BTC, short ETH": """
        USD 35000
        BTC-PERPETUAL 1
        ETH-PERPETUAL -25

        BTC up 0 up now *0.00
        BTC down -16 up now *-16000.00
        ETH up 20 up now *-20000.00
        ETH down 0 up now *0.00

        scanning_risk/ETH 20000.00 20000.00
        decorrelation/crypto-majors 6400.00 6400.00
        floor/crypto-majors 150.00 150.00
        liquidity/BTC 66.10 66.10
        liquidity/ETH 69.68 69.68
        funding/BTC 300.00 0.00
        funding/ETH 300.00 0.00
        im_factor 6637.50 0.00
        requirement 33923.28 26685.78

        cash/USD 35000.00 0.00
        unrealised/BTC 0.00 0.00
        unrealised/ETH 0.00 0.00
        equity 35000.00 0.00

        35000.00 1076.72 8314.22 76.25 warning
        """,
    "Mixed collateral with a debt": """
        USDC 100000
        BTC 1
        ETH -5
        BTC_USDC-PERPETUAL -0.5 98000

        BTC up 0 up now *0.00
        BTC down -16 up now *-8000.00
        ETH up 20 up now *-4000.00
        ETH down 0 up now *0.00

        scanning_risk/BTC 8000.00 8000.00
        decorrelation/crypto-majors 1600.00 1600.00
        floor/crypto-majors 30.00 30.00
        liquidity/BTC 30.70 30.70
        liquidity/ETH 11.76 11.76
        basis/BTC 166.67 166.67
        funding/BTC 150.00 0.00
        im_factor 2407.50 0.00
        requirement 12396.63 9839.13

        stablecoin/USDC 99900.00 499.50
        spot/BTC 100000.00 1000.00
        unrealised/BTC -1049.00 0.00
        spot/ETH -20000.00 0.00
        equity 178851.00 1499.50

        177351.50 164954.87 167512.37 5.55 healthy
        """,
    "An expiring option with a perpetual hedge": """
        USD 150000
        BTC-2JAN26-102000-P 10
        BTC-PERPETUAL 7.7

        BTC up 0 up horizon *-3427.08
        BTC up 4 up horizon 7372.92
        BTC down -16 up post-expiry *-129827.08
        BTC down -33 up post-expiry -128061.62
        BTC down -66 up post-expiry -127230.81

        scanning_risk/BTC 129827.09 129827.09
        liquidity/BTC 735.02 735.02
        basis/BTC 7700.00 7700.00
        funding/BTC 2310.00 0.00
        im_factor 32456.78 0.00
        requirement 173028.89 138262.11

        cash/USD 150000.00 0.00
        options/BTC 23427.08 0.00
        unrealised/BTC 0.00 0.00
        equity 173427.08 0.00

        173427.08 398.19 35164.97 79.72 warning
        """,
}
