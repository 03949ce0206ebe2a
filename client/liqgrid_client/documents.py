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
    leverage
    notional
    share
  }
  age {
    youngerThan
    olderThan
    notional
    share
  }
  venues {
    venue
    symbol
    notional
    share
  }
}
""",
    "lineage": """
id
born
bornBefore
peak {
  at
  notional
}
swept
""",
}

BARS: Final = """
query Bars(
  $pair: String!, $interval: Interval!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!,
  $after: String
) {
  bars(
    pair: $pair, interval: $interval, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    interval
    open
    high
    low
    close
    volume
  }
}
"""

OPEN_INTEREST: Final = """
query OpenInterest(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  openInterest(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    openInterest
  }
}
"""

FUNDING_RATES: Final = """
query FundingRates(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  fundingRates(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    rate
  }
}
"""

LONG_SHORT_RATIOS: Final = """
query LongShortRatios(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  longShortRatios(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    ratio
    long
    short
  }
}
"""

LIQUIDATIONS: Final = """
query Liquidations(
  $pair: String!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!, $after: String
) {
  liquidations(
    pair: $pair, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    price
    long
    short
  }
}
"""

LIQUIDATION_BARS: Final = """
query LiquidationBars(
  $pair: String!, $interval: Interval!, $venue: String, $start: DateTime, $end: DateTime, $first: Int!,
  $after: String
) {
  liquidationBars(
    pair: $pair, interval: $interval, venue: $venue, start: $start, end: $end, first: $first, after: $after
  ) {
    symbol
    times
    pageInfo {
      hasNextPage
      endCursor
    }
    interval
    long
    short
    longNotional
    shortNotional
  }
}
"""

PAIRS: Final = """
query Pairs(
  $venue: String, $coin: String, $first: Int!, $after: String
) {
  pairs(
    venue: $venue, coin: $coin, first: $first, after: $after
  ) {
    edges {
      node {
        symbol
        coin
        quote
        instruments {
          symbol
          venue
          openInterest
          lastBarAt
          builtUntil
          builtAt
          grids {
            interval
            columns
            first
            last
          }
        }
      }
      cursor
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
"""

PAIR: Final = """
query Pair(
  $symbol: String!
) {
  pair(
    symbol: $symbol
  ) {
    symbol
    coin
    quote
    instruments {
      symbol
      venue
      openInterest
      lastBarAt
      builtUntil
      builtAt
      grids {
        interval
        columns
        first
        last
      }
    }
  }
}
"""

GRID: Final = """
query Grid(
  $pair: String!, $interval: Interval!, $start: DateTime, $end: DateTime, $last: Int, $venues: [String!],
  $priceLow: Float, $priceHigh: Float, $rows: Int!, $unit: Unit!
) {
  grid(
    pair: $pair, interval: $interval, start: $start, end: $end, last: $last, venues: $venues, priceLow: $priceLow,
    priceHigh: $priceHigh, rows: $rows, unit: $unit
  ) {
    pair
    interval
    asOf
    unit
    times
    priceEdges
    long
    short
    longTotal
    shortTotal
    bars {
      open
      high
      low
      close
      volume
      price
    }
    maximum
    percentiles {
      percent
      value
    }
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
  }
}
"""

TOP_CLUSTERS: Final = """
query TopClusters(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $side: Side, $within: Float!,
  $limit: Int!
) {
  topClusters(
    pair: $pair, interval: $interval, at: $at, venues: $venues, side: $side, within: $within, limit: $limit
  ) {
    pair
    interval
    asOf
    price
    unit
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
    clusters {
      side
      low
      high
      peakPrice
      notional
      base
      distance
      share
      # composition
      # lineage
    }
  }
}
"""

EXPOSURE: Final = """
query Exposure(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $bands: [Float!]
) {
  exposure(
    pair: $pair, interval: $interval, at: $at, venues: $venues, bands: $bands
  ) {
    pair
    interval
    asOf
    price
    unit
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
    long {
      side
      notional
      base
      nearest {
        side
        low
        high
        peakPrice
        notional
        base
        distance
        share
        # composition
        # lineage
      }
      maxPainPrice
      curve {
        prices
        notional
      }
    }
    short {
      side
      notional
      base
      nearest {
        side
        low
        high
        peakPrice
        notional
        base
        distance
        share
        # composition
        # lineage
      }
      maxPainPrice
      curve {
        prices
        notional
      }
    }
    bands {
      within
      long
      short
      imbalance
      heavier
    }
    heavier
    percentiles {
      within
      long
      short
      imbalance
      columns
      since
    }
  }
}
"""

CASCADE: Final = """
query Cascade(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $priceTo: Float, $path: [Float!],
  $impact: Float!
) {
  cascade(
    pair: $pair, interval: $interval, at: $at, venues: $venues, priceTo: $priceTo, path: $path, impact: $impact
  ) {
    pair
    interval
    asOf
    price
    unit
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
    long {
      side
      notional
      base
      share
      unbinnedShare
    }
    short {
      side
      notional
      base
      share
      unbinnedShare
    }
    endPrice
    triggered
    impact
    dailyVolatility
    dailyVolume
    dailyColumns
    steps {
      leg
      side
      price
      base
      notional
      cumulative
    }
    legs {
      start
      target
      end
      side
      base
      notional
      overshoot
      atColumnEnd
    }
  }
}
"""

STOP_ZONES: Final = """
query StopZones(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!], $side: Side, $within: Float!,
  $minWidth: Float!, $limit: Int!
) {
  stopZones(
    pair: $pair, interval: $interval, at: $at, venues: $venues, side: $side, within: $within, minWidth: $minWidth,
    limit: $limit
  ) {
    pair
    interval
    asOf
    price
    unit
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
    zones {
      side
      low
      high
      distance
      notional
      density
      before
      clusterBefore {
        low
        high
        peakPrice
        notional
      }
      clusterBeyond {
        low
        high
        peakPrice
        notional
      }
    }
  }
}
"""

SIGNALS: Final = """
query Signals(
  $pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!]
) {
  signals(
    pair: $pair, interval: $interval, at: $at, venues: $venues
  ) {
    pair
    interval
    asOf
    price
    unit
    model {
      version
      parametersHash
      parameters
      formulaVersions
      computedAt
    }
    coverage {
      simulated
      venues {
        venue
        pair
        symbol
        openInterestShare
        columns
        newest
        storedUntil
        markColumns
        carriedOpenInterestColumns
        tiersAssumed
        barsWithoutVolume
        tiersAssumedBefore
      }
      missing
      modelledShare
      unplacedShare
      gaps {
        venue
        symbol
        stream
        startsAt
        endsAt
      }
      staleSeconds
    }
    heavier {
      side
      within
      long
      short
      imbalance
    }
    magnets {
      side
      low
      high
      peakPrice
      notional
      base
      distance
      share
      # composition
      # lineage
    }
    funding {
      rate
      day
      change
      trend
      paying
    }
    openInterest {
      base
      change
      trend
    }
    agree
    squeeze {
      side
      notional
      funding
      openInterestChange
    }
  }
}
"""

SKILL: Final = """
query Skill(
  $pair: String!
) {
  skill(
    pair: $pair
  ) {
    symbol
    interval
    mean
    long
    short
    longBars
    shortBars
    start
    end
    modelVersion
    parametersHash
  }
}
"""

STATUS: Final = """
query Status {
  status {
    version
    schemaVersion
    database
    simulated
    instruments {
      symbol
      venue
      openInterest
      lastBarAt
      builtUntil
      builtAt
      grids {
        interval
        columns
        first
        last
      }
    }
  }
}
"""

LIVE_GRID_COLUMN: Final = """
subscription GridColumn(
  $pair: String!, $interval: Interval!, $after: String, $venues: [String!], $priceLow: Float, $priceHigh: Float,
  $rows: Int!, $unit: Unit!
) {
  gridColumn(
    pair: $pair, interval: $interval, after: $after, venues: $venues, priceLow: $priceLow, priceHigh: $priceHigh,
    rows: $rows, unit: $unit
  ) {
    cursor
    closeTime
    replaces
    unit
    priceEdges
    long
    short
    longTotal
    shortTotal
    bar {
      open
      high
      low
      close
      volume
      price
    }
    venues {
      venue
      openInterestShare
      mark
      carriedOpenInterest
    }
    modelledShare
    unplacedShare
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
    cursor
    symbol
    time
    side
    price
    base
    notional
  }
}
"""
