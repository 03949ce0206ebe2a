"""What an archive is, by its name, its folders and what the user says."""

from __future__ import annotations

from pathlib import Path

import pytest

from liqgrid.engine.collect.archive.names import ArchiveKind, Overrides, archive_of, find_archives
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval

UM = "data/futures/um"


def touch(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("name", "instrument", "kind", "stream"),
    [
        ("BTCUSDT-1m-2024-05.zip", "binance:BTC-USDT", "klines", "bar:last:1m"),
        ("1000SHIBUSDT-1h-2024-05-01.csv", "binance:1000SHIB-USDT", "klines", "bar:last:1h"),
        (f"{UM}/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip", "binance:BTC-USDT", "klines", "bar:last:1m"),
        (f"{UM}/daily/markPriceKlines/ETHUSDC/5m/ETHUSDC-5m-2024-05-01.zip", "binance:ETH-USDC", "markPriceKlines",
         "bar:mark:5m"),
        ("BTCUSDT-metrics-2023-11-14.csv", "binance:BTC-USDT", "metrics", "metrics"),
        ("BTCUSDT-fundingRate-2024-05.zip", "binance:BTC-USDT", "fundingRate", "fundingRate"),
        ("BTCUSDT-aggTrades-2024-05-01.zip", "binance:BTC-USDT", "aggTrades", "bar:last:1m"),
        ("data/futures/cm/daily/klines/BTCUSD_PERP/1d/BTCUSD_PERP-1d-2024-05-01.zip", "binance:BTC-USD", "klines",
         "bar:last:1d"),
        ("data/futures/cm/daily/metrics/ETHUSD_PERP/ETHUSD_PERP-metrics-2024-05-01.zip", "binance:ETH-USD", "metrics",
         "metrics"),
    ],
)  # fmt: skip
def test_name_and_folders_say_what_it_is(tmp_path: Path, name: str, instrument: str, kind: str, stream: str) -> None:
    archive = archive_of(touch(tmp_path, name), Overrides())
    assert (str(archive.instrument), archive.kind, archive.stream) == (instrument, kind, stream)
    assert archive.coin_margined == instrument.endswith("-USD")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("BTCUSDT_1h.csv", "the name must be like BTCUSDT-1m-2024-05.zip"),
        ("BTCUSDT-bookTicker-2024-05-01.zip", "is of a kind liqgrid does not read; it reads klines, markPriceKlines"),
        ("indexPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip", "is of a kind liqgrid does not read"),
        ("BTCUSDT-3m-2024-05.zip", "holds bars of 3m, liqgrid keeps 1m, 5m, 15m, 1h, 4h, 1d"),
        ("BTCUSDT_240628-1m-2024-05.zip", "BTCUSDT_240628 is a dated future"),
        ("data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip", "is of the spot market"),
        ("BTCEUR-1m-2024-05.zip", "say --symbol"),
    ],
)
def test_what_liqgrid_has_no_use_for_is_refused(tmp_path: Path, name: str, says: str) -> None:
    path = touch(tmp_path, name)
    with pytest.raises(BadData, match=says) as refusal:
        archive_of(path, Overrides())
    assert str(path) in refusal.value.message


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    said = Overrides(parse_instrument("binance:BTC-USDT"), ArchiveKind.MARK_PRICE_KLINES, Interval.M5)
    archive = archive_of(touch(tmp_path, "spot/whatever.csv"), said)
    assert (str(archive.instrument), archive.stream, archive.symbol) == ("binance:BTC-USDT", "bar:mark:5m", None)
    hours = archive_of(touch(tmp_path, "BTCUSDT-aggTrades-2024-05-01.zip"), Overrides(interval=Interval.H1))
    assert hours.stream == "bar:last:1h"


def test_folders_are_searched_and_the_rest_of_them_is_passed_over(tmp_path: Path) -> None:
    wanted = [
        touch(tmp_path, name)
        for name in (
            f"{UM}/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip",
            f"{UM}/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-06.zip",
            f"{UM}/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-05.zip",
        )
    ]
    touch(tmp_path, f"{UM}/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip.CHECKSUM")
    touch(tmp_path, "readme.txt")
    other = touch(tmp_path, f"{UM}/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2024-05-01.zip")
    archives, passed_over = find_archives([tmp_path, wanted[0]], Overrides())
    assert [archive.path for archive in archives] == sorted(wanted), "each once"
    assert [path for path, _ in passed_over] == [other]


def test_a_folder_without_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="holds no archive liqgrid reads"):
        find_archives([tmp_path], Overrides())
    touch(tmp_path, "BTCUSDT_1h.csv")
    with pytest.raises(BadData, match=r"holds no archive liqgrid reads; .*BTCUSDT_1h\.csv: the name must be like"):
        find_archives([tmp_path], Overrides())
    with pytest.raises(BadData, match="no such file"):
        find_archives([tmp_path / "nowhere"], Overrides())
