"""The picture of a grid, out of arrays alone."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from liqgrid.api.heatmap import FORMATS, Heatmap, amount_text, draw, price_text, price_ticks, tick_texts

HOUR_MS = 3_600_000
SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.fixture
def heatmap() -> Heatmap:
    random = np.random.default_rng(1)
    columns, rows = 120, 80
    close = 60_000 * np.exp(np.cumsum(random.normal(0, 0.004, columns)))
    edges = np.geomspace(close.min() * 0.9, close.max() * 1.1, rows + 1)
    middle = np.sqrt(edges[1:] * edges[:-1])
    amount = np.zeros((columns, rows))
    for leverage in (10, 25, 50):
        for factor in (1 - 1 / leverage, 1 + 1 / leverage):
            amount += 1e7 * np.exp(-((np.log(middle / (close[:, None] * factor)) / 0.004) ** 2))
    return Heatmap(
        title="BTC-USDT  1h",
        venues="binance",
        model="liqgrid model 1, parameters 0123456789abcdef",
        unit="USDT",
        interval_ms=HOUR_MS,
        close_ms=1_718_841_600_000 + HOUR_MS * np.arange(columns, dtype=np.int64),
        price_edges=edges,
        amount=amount.astype(np.float32),
        high=close * 1.002,
        low=close * 0.998,
        close=close,
    )


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_is_what_its_name_says(heatmap: Heatmap, file_format: str) -> None:
    assert draw(heatmap, file_format).startswith(SIGNATURES[file_format])


def test_same_arrays_same_picture(heatmap: Heatmap) -> None:
    image = draw(heatmap, "png")
    assert struct.unpack(">II", image[16:24]) == (1920, 1080)
    assert draw(heatmap, "png") == image


def test_missing_columns_are_left_out(heatmap: Heatmap) -> None:
    kept = np.delete(np.arange(120), slice(40, 60))
    cut = replace(
        heatmap,
        close_ms=heatmap.close_ms[kept],
        amount=heatmap.amount[kept],
        high=heatmap.high[kept],
        low=heatmap.low[kept],
        close=heatmap.close[kept],
    )
    assert draw(cut, "png") != draw(heatmap, "png")


def test_two_columns_without_a_price_and_nothing_in_them(heatmap: Heatmap) -> None:
    unknown = np.full(2, np.nan)
    empty = replace(
        heatmap,
        close_ms=heatmap.close_ms[:2],
        amount=np.zeros((2, 80), dtype=np.float32),
        high=unknown,
        low=unknown,
        close=unknown,
    )
    assert draw(empty, "png").startswith(SIGNATURES["png"])


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        (43_100, 77_000, 45_000, 75_000),
        (0.505, 0.639, 0.52, 0.62),
        (9.1e-6, 2.3e-5, 1e-5, 2.2e-5),
        (1.0, 1.01, 1, 1.01),
    ],
)
def test_price_ticks_are_round_and_within(low: float, high: float, first: float, last: float) -> None:
    ticks = price_ticks(low, high)
    assert 4 <= len(ticks) <= 12
    assert [ticks[0], ticks[-1]] == pytest.approx([first, last])


@pytest.mark.parametrize(
    ("price", "text"),
    [(58936.4, "58,936"), (999.96, "1,000.0"), (12.345, "12.35"), (0.57771, "0.5777"), (1.2e-5, "0.00001200")],
)
def test_price_text(price: float, text: str) -> None:
    assert price_text(price) == text


def test_tick_texts_share_their_decimals() -> None:
    assert tick_texts([0.52, 0.6]) == ["0.52", "0.60"]
    assert tick_texts([45_000, 50_000]) == ["45,000", "50,000"]
    assert tick_texts([1e-5, 1.25e-5]) == ["0.0000100", "0.0000125"]


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (950, "950"), (80_000, "80 k"), (15e6, "15 M"), (1.25e9, "1.25 B")]
)
def test_amount_text(amount: float, text: str) -> None:
    assert amount_text(amount) == text
