"""The benchmarks' frame: peers are checked and take turns, figures reach tables, goals, files."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import plot
from benchmarks.frame import Effort, Job, Ours, Peer, largest_difference, measure
from benchmarks.goals import goals
from benchmarks.record import Curve, Row, Run, Section, goals_table, number, table, with_ratios
from benchmarks.sections import accounts, risk_arrays

QUICK = bench.QUICK
JOB = Job(key="job", title="a job", unit="s", scale=1.0, tolerance=1e-9)
REQUIREMENTS = Path(bench.__file__).parent / "requirements"


def test_a_quick_run_prints_its_parts_and_every_goal(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--quick", "--only", "arrays", "--only", "latency"])
    said = capsys.readouterr().out
    assert re.search(r"seawall +[\d.]+ +[\d.]+ +[\d.]+ +1\.00 x", said)
    assert re.search(r"numpy \+ scipy, broadcast +[\d.]+", said), "a peer of this environment"
    assert re.search(r"what-if kernel +[\d.]+ +[\d.]+ +1\.00 x", said)
    assert re.search(r"J1 over broadcast .*reached", said)
    assert re.search(r"SVI fit of a slice.*not measured", said)


def test_peers_give_our_answer_per_account_and_per_underlying() -> None:
    """Each of these is another way to the same leasts."""
    held = accounts.accounts(200, accounts.POSITIONS)
    array = accounts.arrays(accounts.SCENARIOS)
    whole, parts = accounts.by_account(held, array), accounts.by_underlying(held, array)
    for given in (whole, parts):
        python = Path(sys.executable)
        peers = [Peer(name, "accounts", python) for name in ("scipy.sparse", "pure Python")]
        ours = Ours("seawall", accounts.Fold(given).run)
        section = measure(JOB_USD, [ours, *peers], given, QUICK)
        assert all(row.runs == 1 for row in section.rows), table(section)
    own = accounts.Fold(parts).run()
    underlying = np.searchsorted(held.segments, np.arange(own.size), side="right") - 1
    by_hand = [
        (held.quantity[start:stop] @ array[block, held.row[start:stop]]).min()
        for block, (start, stop) in zip(underlying, pairwise(held.positions), strict=True)
    ]
    np.testing.assert_allclose(own, by_hand, rtol=1e-12)


JOB_USD = Job(key="job", title="a job", unit="s", scale=1.0, tolerance=accounts.TOLERANCE)


def test_accounts_hold_what_was_asked_for() -> None:
    held = accounts.accounts(500, 30)
    counts = np.diff(held.positions)
    assert (np.bincount(held.account, weights=counts) == 30).all()
    underlying = np.searchsorted(held.segments, np.arange(counts.size), side="right") - 1
    pairs = set(zip(held.account.tolist(), underlying.tolist(), strict=True))
    assert len(pairs) == counts.size, "an account has one segment in an underlying"


def test_who_disagrees_is_not_timed() -> None:
    right, wrong = np.array([1.0, 2.0]), np.array([1.0, 2.1])
    section = measure(JOB, [Ours("ours", lambda: right), Ours("other", lambda: wrong)], {}, QUICK)
    ours, other = section.rows
    assert ours.figures["median"] > 0.0
    assert not other.figures
    assert "disagrees" in other.note
    assert other.differs == pytest.approx(0.1)


def test_a_nan_or_another_shape_never_agrees() -> None:
    ours = np.zeros((2, 3))
    assert largest_difference(np.full((2, 3), np.nan), ours) == np.inf
    assert largest_difference(np.zeros((2, 4)), ours) == np.inf
    assert largest_difference(np.zeros((3, 3)), ours) == np.inf
    assert largest_difference(np.zeros((1, 3)), ours) == 0.0, (
        "the first rows are a share of the job"
    )


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (Peer("no such peer", "accounts", Path(sys.executable)), "KeyError"),
        (Peer("scipy.sparse", "accounts", None), "its environment was not made"),
    ],
)
def test_who_cannot_run_says_why_and_the_rest_goes_on(peer: Peer, reason: str) -> None:
    section = measure(JOB, [Ours("ours", lambda: np.zeros(1)), peer], {}, QUICK)
    assert section.rows[0].figures
    assert section.rows[1].note.startswith("not present: ")
    assert reason in section.rows[1].note


def test_a_share_of_a_job_counts_as_the_whole() -> None:
    """A peer that did a tenth of the job has its seconds multiplied by ten."""
    from benchmarks.peers.accounts import first_part

    held = accounts.accounts(400, 30)
    given = accounts.by_underlying(held, np.zeros((accounts.UNDERLYINGS, 1, 8)))
    part, share = first_part(given, 3_000)
    assert part["row"].size == part["positions"][-1] <= 3_000
    assert share == part["row"].size / given["row"].size
    assert part["segments"].max() == part["positions"].size - 1


def test_rounds_are_in_turn() -> None:
    order: list[str] = []

    def run(name: str) -> Ours:
        return Ours(name, lambda: (order.append(name), np.zeros(1))[1])

    effort = Effort(rounds=2, turn_seconds=0.0, contender_seconds=60.0)
    measure(JOB, [run("a"), run("b")], {}, effort)
    assert order[-4:] == ["a", "b", "a", "b"]


def test_ratios_are_to_the_first_row() -> None:
    rows = with_ratios([Row("ours", {"p50": 2.0}), Row("peer", {"p50": 5.0}), Row("none")], "p50")
    assert [row.ratio for row in rows] == [1.0, 2.5, None]


def test_goals_follow_from_figures() -> None:
    def arrays(peer: float) -> list[Section]:
        rows = [
            Row(risk_arrays.OURS, {"median": 2.0}),
            Row(risk_arrays.BROADCAST, {"median": peer}),
        ]
        facts = {risk_arrays.ERROR: 2e-14}
        return [Section(risk_arrays.KEY, "", "", rows, facts=facts)]

    reached, missed = goals(arrays(16.0), []), goals(arrays(15.9), [])
    assert reached[0].reached is True
    assert reached[0].found == "8.000 x"
    assert missed[0].reached is False
    error = next(goal for goal in reached if goal.goal.startswith("J1 error"))
    assert error.reached is False
    assert sum(goal.reached is None for goal in reached) == len(reached) - 2
    assert goals_table(reached).count("not measured") == len(reached) - 2


def test_growth_counts_as_linear_by_its_seconds_per_account() -> None:
    def found(seconds: float) -> bool | None:
        curve = Curve("accounts", "accounts", "s", {"seawall": [(1e5, 0.01), (1e7, seconds)]})
        return next(g.reached for g in goals([], [curve]) if "most accounts" in g.goal)

    assert found(1.2) is True
    assert found(1.3) is False


def test_a_run_is_written_for_people_and_programs(tmp_path: Path) -> None:
    section = Section("job", "a job", "s", [Row("seawall", {"median": 1.5}, 1.0, 7, None, "")])
    curve = Curve("growth", "x", "y", {"seawall": [(1.0, 2.0), (10.0, 30.0)]})
    run = Run({"commit": "abc"}, [section], [curve], goals([section], [curve]))
    bench.write(run, tmp_path)
    said = msgspec.json.decode((tmp_path / "results" / "latest.json").read_bytes(), type=Run)
    assert msgspec.json.encode(said) == msgspec.json.encode(run)
    assert said.section("job") is not None
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "abc" in text
    assert table(section) in text
    assert re.search(r"x +1 +10\n +seawall +2\.000 +30\.00\n", text), "the curve as text"
    ET.parse(tmp_path / "results" / "growth.svg")


def test_the_picture_has_a_line_for_each_contender_within_its_frame() -> None:
    curve = Curve("<growth>", "x", "y", {"a & b": [(1.0, 3.0), (7e6, 0.02)], "c": [(2.0, 5.0)]})
    tree = ET.fromstring(plot.svg([curve, curve, curve]))
    lines = [element for element in tree.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 6
    for line in lines:
        for x, y in (map(float, point.split(",")) for point in line.attrib["points"].split()):
            assert 0.0 <= x <= plot.WIDTH
            assert 0.0 <= y <= plot.HEIGHT


def test_figures_keep_four_digits() -> None:
    said = [number(value) for value in (0.0, 1e-14, 0.1234, 1.0, 12.345, 123.45, 1234.5, 1e7)]
    assert said == ["0", "1e-14", "0.123", "1.000", "12.35", "123.5", "1,234", "1e+07"]


def test_peers_are_pinned_without_addresses() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if not line.startswith("#")]
        assert pins
        assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", pin) for pin in pins), path.name
