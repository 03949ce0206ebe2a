/** Every question the page asks; all of it is in docs/schema.graphql. */

const PROVENANCE = `
  model { version parametersHash computedAt }
  coverage {
    simulated modelledShare unplacedShare missing
    gaps { symbol stream startsAt endsAt }
    venues { symbol openInterestShare storedUntil tiersAssumed columns carriedOpenInterestColumns markColumns }
  }`;

export const CATALOG = `query Catalog {
  status { version simulated }
  pairs(first: 200) {
    edges { node { symbol coin quote instruments { symbol venue openInterest grids { interval columns first last } } } }
  }
}`;

export const GRID = `query Heatmap($pair: String!, $interval: Interval!, $start: DateTime, $end: DateTime, $last: Int,
    $venues: [String!], $low: Float, $high: Float, $rows: Int!, $wholeInterval: Interval!, $wholeLast: Int!,
    $measure: Boolean!) {
  measure: grid(pair: $pair, interval: $wholeInterval, last: $wholeLast, venues: $venues) @include(if: $measure) {
    maximum percentiles { percent value } priceEdges
  }
  grid(pair: $pair, interval: $interval, start: $start, end: $end, last: $last, venues: $venues,
       priceLow: $low, priceHigh: $high, rows: $rows) {
    asOf unit times priceEdges long short maximum percentiles { percent value }
    bars { open high low close price }
    ${PROVENANCE}
  }
}`;

export const OPEN_INTEREST = `query OpenInterest($pair: String!, $interval: Interval!, $start: DateTime, $end: DateTime,
    $venues: [String!]) {
  grid(pair: $pair, interval: $interval, start: $start, end: $end, venues: $venues, rows: 1, unit: BASE) {
    unit times longTotal coverage { modelledShare }
  }
}`;

/**
 * Return the question for what was paid and what was liquidated, of each venue.
 * @param {string[]} venues
 */
export function seriesOf(venues) {
  const each = venues.map(
    (venue, i) => `
    v${i}: liquidationBars(pair: $pair, interval: $interval, venue: ${JSON.stringify(venue)}, start: $start, end: $end,
                           first: 10000) { symbol times longNotional shortNotional }`,
  );
  return `query Series($pair: String!, $interval: Interval!, $start: DateTime, $end: DateTime, $venue: String) {
    funding: fundingRates(pair: $pair, venue: $venue, start: $start, end: $end, first: 10000) { symbol times rate }
    ${each.join("")}
  }`;
}

const CLUSTER = "id side low high peakPrice notional base distance share";

export const MOMENT = `query Moment($pair: String!, $interval: Interval!, $venues: [String!]) {
  clusters: topClusters(pair: $pair, interval: $interval, venues: $venues, limit: 10) {
    asOf price unit clusters { ${CLUSTER} } ${PROVENANCE}
  }
  exposure(pair: $pair, interval: $interval, venues: $venues) {
    heavier
    bands { within long short imbalance heavier }
    percentiles { within long short imbalance since }
    long { notional maxPainPrice nearest { low high distance } }
    short { notional maxPainPrice nearest { low high distance } }
  }
  signals(pair: $pair, interval: $interval, venues: $venues) {
    agree
    heavier { side within long short imbalance }
    magnets { side peakPrice distance notional }
    funding { rate day change trend paying }
    openInterest { base change trend }
    squeeze { side notional funding openInterestChange }
  }
  stopZones(pair: $pair, interval: $interval, venues: $venues, limit: 8) {
    zones { side low high distance notional before }
  }
}`;

export const WHY = `query Why($pair: String!, $interval: Interval!, $at: DateTime, $venues: [String!]) {
  topClusters(pair: $pair, interval: $interval, at: $at, venues: $venues, limit: 10) {
    clusters {
      id born bornBefore peak { at notional } swept
      composition {
        leverage { leverage share }
        age { youngerThan olderThan share }
        venues { symbol share }
      }
    }
  }
}`;

/**
 * Return the question for the skill of pairs; a coin has none of its own.
 * @param {string[]} pairs
 */
export function skillOf(pairs) {
  const each = pairs.map(
    (pair, i) => `p${i}: skill(pair: ${JSON.stringify(pair)}) { symbol interval mean long short longBars shortBars start end }`,
  );
  return `query Skill { ${each.join(" ")} }`;
}

export const COLUMNS = `subscription Columns($pair: String!, $interval: Interval!, $after: String, $venues: [String!],
    $low: Float, $high: Float, $rows: Int!) {
  gridColumn(pair: $pair, interval: $interval, after: $after, venues: $venues, priceLow: $low, priceHigh: $high,
             rows: $rows) {
    cursor closeTime replaces long short bar { open high low close price }
  }
}`;
