"""Linear or inverse: from venue and quote."""

from __future__ import annotations

import pytest

from liqgrid.engine.market.contract import Contract, contract_of
from liqgrid.engine.market.instrument import parse_instrument


@pytest.mark.parametrize(
    ("instrument", "contract"),
    [
        ("binance:BTC-USDT", Contract.LINEAR),
        ("binance:BTC-USDC", Contract.LINEAR),
        ("binance:BTC-USD", Contract.INVERSE),
        ("bybit:ETH-USD", Contract.INVERSE),
        ("bybit:ETH-USDC", Contract.LINEAR),
        ("okx:BTC-USD", Contract.INVERSE),
        ("okx:BTC-USDT", Contract.LINEAR),
        ("gate:BTC-USD", Contract.INVERSE),
        ("bitget:BTC-USD", Contract.INVERSE),
        ("hyperliquid:BTC-USDC", Contract.LINEAR),
        ("hyperliquid:BTC-USD", Contract.LINEAR),
        ("elsewhere:BTC-USD", Contract.LINEAR),
    ],
)
def test_the_contract_follows_from_venue_and_quote(instrument: str, contract: Contract) -> None:
    assert contract_of(parse_instrument(instrument)) is contract
