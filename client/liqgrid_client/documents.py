"""The GraphQL documents the client sends: every question of the schema, with all that its answers hold.

A comment ``# NAME`` stands where PARTS[NAME] goes if it is asked for; the text is valid with and without.
Made from docs/schema.graphql by ``python -m generator``.
"""

from __future__ import annotations

from typing import Final

PARTS: Final = {
    "composition": """
composition {
  leverage {
    leverage notional share
  }
  age {
    youngerThan olderThan notional share
  }
  venues {
    venue symbol notional share
  }
}
""",
    "lineage": """
id born bornBefore swept
peak {
  at notional
}
""",
}

_CASCADE_SIDE: Final = """
fragment CascadeSide on CascadeSide {
  side notional base share unbinnedShare
}
"""

_CLUSTER: Final = """
fragment Cluster on Cluster {
  side low high peakPrice notional base distance share
  # composition
  # lineage
}
"""

_COVERAGE: Final = """
fragment Coverage on Coverage {
  simulated missing modelledShare unplacedShare staleSeconds
  venues {
    venue pair symbol openInterestShare columns newest storedUntil markColumns carriedOpenInterestColumns
    tiersAssumed barsWithoutVolume tiersAssumedBefore
  }
  gaps {
    venue symbol stream startsAt endsAt
  }
}
"""

_INSTRUMENT: Final = """
fragment Instrument on Instrument {
  symbol venue openInterest lastBarAt builtUntil builtAt
  grids {
    interval columns first last
  }
}
"""

_MODEL_INFO: Final = """
fragment ModelInfo on ModelInfo {
  version parametersHash parameters formulaVersions computedAt
}
"""

_PAGE_INFO: Final = """
fragment PageInfo on PageInfo {
  hasNextPage endCursor
}
"""

_PAIR: Final = """
fragment Pair on Pair {
  symbol coin quote
  instruments {
    ...Instrument
  }
}
"""

_SIDE_EXPOSURE: Final = """
fragment SideExposure on SideExposure {
  side notional base maxPainPrice
  nearest {
    ...Cluster
  }
  curve {
    prices notional
  }
}
"""

_ZONE_CLUSTER: Final = """
fragment ZoneCluster on ZoneCluster {
  low high peakPrice notional
}
"""

BARS: Final = (
    """
query Bars(
  $pair: String!, $interval: Interval!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!,
  $after: String
) {
  bars(
    pair: $pair, interval: $interval, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times interval open high low close volume
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

OPEN_INTEREST: Final = (
    """
query OpenInterest(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  openInterest(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times openInterest
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

FUNDING_RATES: Final = (
    """
query FundingRates(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  fundingRates(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times rate
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

LONG_SHORT_RATIOS: Final = (
    """
query LongShortRatios(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  longShortRatios(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times ratio long short
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

LIQUIDATIONS: Final = (
    """
query Liquidations(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  liquidations(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times price long short liveCursor
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

LIQUIDATION_BARS: Final = (
    """
query LiquidationBars(
  $pair: String!, $interval: Interval!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!,
  $after: String
) {
  liquidationBars(
    pair: $pair, interval: $interval, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol times interval long short longNotional shortNotional
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _PAGE_INFO
)

PAIRS: Final = (
    """
query Pairs(
  $venue: String, $coin: String, $first: Int!, $after: String
) {
  pairs(
    venue: $venue, coin: $coin, first: $first, after: $after
  ) {
    edges {
      cursor
      node {
        ...Pair
      }
    }
    pageInfo {
      ...PageInfo
    }
  }
}
"""
    + _INSTRUMENT
    + _PAGE_INFO
    + _PAIR
)

PAIR: Final = (
    """
query Pair(
  $symbol: String!
) {
  pair(
    symbol: $symbol
  ) {
    ...Pair
  }
}
"""
    + _INSTRUMENT
    + _PAIR
)

GRID: Final = (
    """
query Grid(
  $pair: String!, $interval: Interval!, $start: DateTime, $end: DateTime, $last: Int, $venues: [String!],
  $priceLow: Float, $priceHigh: Float, $rows: Int!, $unit: Unit!
) {
  grid(
    pair: $pair, interval: $interval, start: $start, end: $end, last: $last, venues: $venues, priceLow: $priceLow,
    priceHigh: $priceHigh, rows: $rows, unit: $unit
  ) {
    pair interval asOf unit times priceEdges long short longTotal shortTotal maximum
    bars {
      open high low close volume price
    }
    percentiles {
      percent value
    }
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
  }
}
"""
    + _COVERAGE
    + _MODEL_INFO
)

TOP_CLUSTERS: Final = (
    """
query TopClusters(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $side: Side, $within: Float!,
  $limit: Int!
) {
  topClusters(
    pair: $pair, interval: $interval, at: $at, venues: $venues, side: $side, within: $within, limit: $limit
  ) {
    pair interval asOf price unit
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
    clusters {
      ...Cluster
    }
  }
}
"""
    + _CLUSTER
    + _COVERAGE
    + _MODEL_INFO
)

EXPOSURE: Final = (
    """
query Exposure(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $bands: [Float!]
) {
  exposure(
    pair: $pair, interval: $interval, at: $at, venues: $venues, bands: $bands
  ) {
    pair interval asOf price unit heavier
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
    long {
      ...SideExposure
    }
    short {
      ...SideExposure
    }
    bands {
      within long short imbalance heavier
    }
    percentiles {
      within long short imbalance columns since
    }
  }
}
"""
    + _CLUSTER
    + _COVERAGE
    + _MODEL_INFO
    + _SIDE_EXPOSURE
)

CASCADE: Final = (
    """
query Cascade(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $priceTo: Float, $path: [Float!],
  $impact: Float!
) {
  cascade(
    pair: $pair, interval: $interval, at: $at, venues: $venues, priceTo: $priceTo, path: $path, impact: $impact
  ) {
    pair interval asOf price unit endPrice triggered impact dailyVolatility dailyVolume dailyColumns
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
    long {
      ...CascadeSide
    }
    short {
      ...CascadeSide
    }
    steps {
      leg side price base notional cumulative
    }
    legs {
      start target end side base notional overshoot atColumnEnd
    }
  }
}
"""
    + _CASCADE_SIDE
    + _COVERAGE
    + _MODEL_INFO
)

STOP_ZONES: Final = (
    """
query StopZones(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $side: Side, $within: Float!,
  $minWidth: Float!, $limit: Int!
) {
  stopZones(
    pair: $pair, interval: $interval, at: $at, venues: $venues, side: $side, within: $within, minWidth: $minWidth,
    limit: $limit
  ) {
    pair interval asOf price unit
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
    zones {
      side low high distance notional density before
      clusterBefore {
        ...ZoneCluster
      }
      clusterBeyond {
        ...ZoneCluster
      }
    }
  }
}
"""
    + _COVERAGE
    + _MODEL_INFO
    + _ZONE_CLUSTER
)

SIGNALS: Final = (
    """
query Signals(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!]
) {
  signals(
    pair: $pair, interval: $interval, at: $at, venues: $venues
  ) {
    pair interval asOf price unit agree
    model {
      ...ModelInfo
    }
    coverage {
      ...Coverage
    }
    heavier {
      side within long short imbalance
    }
    magnets {
      ...Cluster
    }
    funding {
      rate day change trend paying
    }
    openInterest {
      base change trend
    }
    squeeze {
      side notional funding openInterestChange
    }
  }
}
"""
    + _CLUSTER
    + _COVERAGE
    + _MODEL_INFO
)

SKILL: Final = """
query Skill(
  $pair: String!
) {
  skill(
    pair: $pair
  ) {
    symbol interval mean long short longBars shortBars start end modelVersion parametersHash
  }
}
"""

STATUS: Final = (
    """
query Status {
  status {
    version schemaVersion database simulated
    instruments {
      ...Instrument
    }
  }
}
"""
    + _INSTRUMENT
)

LIVE_GRID_COLUMN: Final = """
subscription GridColumn(
  $pair: String!, $interval: Interval!, $after: String, $venues: [String!], $priceLow: Float, $priceHigh: Float,
  $rows: Int!, $unit: Unit!
) {
  gridColumn(
    pair: $pair, interval: $interval, after: $after, venues: $venues, priceLow: $priceLow, priceHigh: $priceHigh,
    rows: $rows, unit: $unit
  ) {
    cursor closeTime replaces unit priceEdges long short longTotal shortTotal modelledShare unplacedShare
    bar {
      open high low close volume price
    }
    venues {
      venue openInterestShare mark carriedOpenInterest
    }
  }
}
"""

LIVE_LIQUIDATIONS: Final = """
subscription Liquidations(
  $pair: String!, $after: String
) {
  liquidations(
    pair: $pair, after: $after
  ) {
    cursor symbol time side price base notional
  }
}
"""
