"""Models in files of one's own: read, named wherever a name goes, refused with the file's name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import seawall as sw
from seawall.basics.errors import BadParameter, UnknownModel, UnreadableFile
from seawall.cli.app import run
from seawall.cli.inputs import model_of
from seawall.feeds.models import read_model
from seawall.feeds.synthetic import STABLE_USD, synthetic_quotes
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.feeds.writers import write_book_csv, write_market_csv
from seawall.margin.presets import load_preset
from tests.conftest import ROOT

PRICES = [word for name, value in STABLE_USD.items() for word in ("--price", f"{name}={value}")]


def example(page: str) -> str:
    """The one block of TOML of a page."""
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    return block


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(example("docs/files.md"), encoding="utf-8")
    return tmp_path / "mine.toml"


def test_the_example_of_the_page_is_a_model_that_changes_what_it_says(mine: Path) -> None:
    house, own = load_preset("prbm"), read_model(mine)
    assert (own.name, own.revaluation.smile) == ("mine", "worst")
    assert own.offsets.collapse.to == "low"
    assert (own.offsets.groups, own.charges) == (house.offsets.groups, house.charges)


def test_the_collapse_of_the_house_models_page_can_be_put_into_a_model(tmp_path: Path) -> None:
    head = (
        'from = "prbm"\nname = "x"\ntitle = "x"\nas_of = 2026-02-05\nsource = "x"\n'
        'status = { offsets = "unknown" }\n'
    )
    (tmp_path / "x.toml").write_text(head + example("docs/models/prbm.md"), encoding="utf-8")
    assert read_model(tmp_path / "x.toml").offsets.collapse.notice_days == 7.0


def test_a_file_goes_wherever_a_name_goes(
    mine: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.parent)
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, Path(name))
    write_book_csv(synthetic_portfolio(), Path("book.csv"))
    market = ["--market", "chain.csv", "--market", "futures.csv", *PRICES]
    assert run(["margin", "book.csv", *market, "--model", "mine.toml", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    expected = sw.margin(synthetic_portfolio(), sw.synthetic_market(), read_model(mine))
    assert told["model"]["name"] == "mine"
    assert told["initial"] == float(expected.initial)
    assert run(["compare", "book.csv", *market, "--models", "prbm,mine.toml", "--json"]) == 0
    rows = json.loads(capfd.readouterr().out)["rows"]
    assert [row["model"] for row in rows] == ["prbm", "mine"]
    assert run(["models", "mine.toml"]) == 0
    assert "risk committee of 2026-02-05" in capfd.readouterr().out


def test_what_is_wrong_with_a_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    with pytest.raises(UnreadableFile, match="no such file"):
        read_model(path)
    path.write_bytes(b"name = \xff")
    with pytest.raises(UnreadableFile, match="UTF-8"):
        read_model(path)
    path.write_text("name = [", encoding="utf-8")
    with pytest.raises(BadParameter, match="not TOML") as caught:
        read_model(path)
    assert caught.value.where == "bad.toml"
    path.write_text('from = "nobody"\n', encoding="utf-8")
    with pytest.raises(UnknownModel, match="nobody"):
        read_model(path)
    text = example("docs/files.md").replace("[status]", '[status]\nlevels = "unknown"')
    path.write_text(text + "\n[levels]\nim_factor = 0.5\n", encoding="utf-8")
    with pytest.raises(BadParameter, match=r"bad\.toml.*im_factor is 0\.5|im_factor is 0\.5.*bad"):
        read_model(path)


def test_changed_numbers_need_a_status_and_a_name_of_their_own(mine: Path) -> None:
    text = mine.read_text(encoding="utf-8")
    mine.write_text(text.replace('offsets = "unknown"\n', ""), encoding="utf-8")
    with pytest.raises(BadParameter, match="part 'offsets' is changed and its status is not given"):
        read_model(mine)
    mine.write_text(text.replace('name = "mine"', 'name = "prbm"'), encoding="utf-8")
    with pytest.raises(BadParameter, match="called 'prbm', as a preset is"):
        read_model(mine)


def test_the_model_of_everybody_else_must_exist(mine: Path) -> None:
    text = mine.read_text(encoding="utf-8").replace("[status]", '[status]\neligibility = "unknown"')
    rule = '\n[eligibility]\nfrom = "prbm"\notherwise = "crosss"\n'
    mine.write_text(text + rule, encoding="utf-8")
    with pytest.raises(UnknownModel, match=r"'crosss'.*mine.toml: eligibility.otherwise"):
        read_model(mine)


def test_a_hybrid_takes_a_file_as_its_second_model(mine: Path) -> None:
    model = model_of(f"hybrid:{mine}")
    assert model.name == "hybrid:mine"
    assert model.second == read_model(mine)
