"""``config.toml``: what it says, and what is said of faults in it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from liqgrid.cli.config import Config, load_config
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.stream import Stream
from tests.cli.conftest import Inside


def config(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    plan = load_config(tmp_path).plan()
    assert [venue.name for venue in plan.venues] == ["binance", "bybit", "okx"]
    assert {str(pair) for venue in plan.venues for pair in venue.pairs} == {
        "BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"
    }  # fmt: skip
    assert all(venue.streams == frozenset(Stream) and venue.base_url is None for venue in plan.venues)


def test_a_venue_may_differ_from_the_rest(tmp_path: Path) -> None:
    config(
        tmp_path,
        """
        [collect]
        venues = ["binance", "hyperliquid"]
        pairs = ["BTC-USDT"]
        streams = ["bar:last", "liquidation"]
        sample_s = 5
        [venue.hyperliquid]
        pairs = ["BTC-USDC", "ETH-USDC"]
        streams = ["bar:last"]
        [venue.binance]
        base_url = "http://127.0.0.1:9000"
        proxy = "http://127.0.0.1:3128"
        options = { recvWindow = 5000 }
        """,
    )
    binance, hyperliquid = load_config(tmp_path).plan().venues
    assert (binance.base_url, binance.proxy) == ("http://127.0.0.1:9000", "http://127.0.0.1:3128")
    assert binance.options == {"recvWindow": 5000}
    assert binance.streams == {Stream.BAR_LAST, Stream.LIQUIDATION}
    assert [str(one) for one in hyperliquid.instruments] == ["hyperliquid:BTC-USDC", "hyperliquid:ETH-USDC"]
    assert hyperliquid.streams == {Stream.BAR_LAST}


def test_named_instruments_go_before_the_file(tmp_path: Path) -> None:
    config(tmp_path, '[collect]\nvenues = ["okx"]\n[venue.gate]\nbase_url = "http://127.0.0.1:1"\n')
    (gate,) = load_config(tmp_path).plan([parse_instrument("gate:DOGE-USDT")]).venues
    assert (gate.name, [str(pair) for pair in gate.pairs]) == ("gate", ["DOGE-USDT"])
    assert gate.base_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[collect]\nvenues = ["binance", "mtgox"]', "collect.venues.1 was 'mtgox'; use one of binance, bybit, okx"),
        ('[collect]\npairs = ["BTCUSDT"]', "collect.pairs.0 was 'BTCUSDT'; write base-quote, for example BTC-USDT"),
        ('[collect]\nstreams = ["bars"]', "collect.streams.0 was 'bars'; input should be 'bar:last'"),
        ("[collect]\nstall_s = -1", "collect.stall_s was -1; input should be greater than 0"),
        ("[collect]\npair = []", "collect.pair is no setting; take it out, or see docs/collect.md"),
        ('[venue.binance]\nbase_url = "localhost:9000"', "venue.binance.base_url was 'localhost:9000'; write scheme://"),
        ("[venue.mtgox]", "use one of binance, bybit, okx"),
        ("[collect\n", "is no TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_key_and_value(tmp_path: Path, text: str, said: str) -> None:
    path = config(tmp_path, text)
    with pytest.raises(BadSetting) as caught:
        load_config(tmp_path)
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"other\.toml cannot be read: No such file"):
        load_config(tmp_path, tmp_path / "other.toml")


def test_the_configuration_in_force_is_printed(inside: Inside, tmp_path: Path) -> None:
    path = config(tmp_path, '[collect]\nvenues = ["okx"]\n')
    printed = inside.run("config", "--config", path)
    assert printed.code == 0
    assert json.loads(printed.output)["collect"]["venues"] == ["okx"]
    wrong = inside.run("config", "--config", tmp_path / "none.toml")
    assert wrong.code == 2


def test_an_unknown_venue_is_refused_before_anything_starts(inside: Inside) -> None:
    for verb in ("collect", "backfill"):
        ended = inside.run(verb, "mtgox:BTC-USDT")
        assert ended.code == 2
        assert "mtgox:BTC-USDT: venue was 'mtgox'; use one of binance" in ended.errors
    assert not inside.home.exists()


def test_the_documented_configuration_is_the_default_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "collect.md").read_text("utf-8")
    defaults, differing = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert Config.model_validate(tomllib.loads(defaults)) == Config()
    assert "hyperliquid" in Config.model_validate(tomllib.loads(differing)).venue
