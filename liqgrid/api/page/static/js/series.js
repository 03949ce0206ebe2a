/** What is drawn under and on the map: open interest, funding and realised liquidations, by the close of its column. */

import { ask } from "./api.js";
import { unpack } from "./packed.js";
import { OPEN_INTEREST, seriesOf } from "./queries.js";

/** @typedef {import("./grid.js").Grid} Grid */
/**
 * @typedef {object} Series
 * @property {string} baseUnit
 * @property {Map<number, number>} interest
 * @property {Map<number, number>} funding
 * @property {Map<number, number>} realisedLong
 * @property {Map<number, number>} realisedShort
 * @property {import("./layers/marks.js").Mark[]} marks
 */

const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();

/**
 * Return the series over the columns of a grid from a slot on.
 * @param {{pair: string, venues: string[]}} asked
 * @param {string[]} venues all that are summed, by name
 * @param {Grid} grid
 * @param {number} fromSlot
 * @param {AbortSignal} [signal]
 * @returns {Promise<Series>}
 */
export async function loadSeries({ pair, venues: chosen }, venues, grid, fromSlot, signal) {
  const { interval, stepMs } = grid;
  const [first, last] = [grid.closeOf(fromSlot), grid.lastMs];
  const [interest, others] = await Promise.all([
    ask(OPEN_INTEREST, { pair, interval, start: iso(first), end: iso(last + 1), venues: chosen.length ? chosen : null }, signal),
    // bars and payments of a column lie before its close
    ask(seriesOf(venues), { pair, interval, venue: chosen[0] ?? null, start: iso(first - stepMs), end: iso(last) }, signal),
  ]);
  const realisedLong = new Map();
  const realisedShort = new Map();
  for (const [name, series] of Object.entries(others)) {
    if (name === "funding") continue;
    const [longs, shorts] = [unpack(series.longNotional), unpack(series.shortNotional)];
    unpack(series.times).forEach((openMs, i) => {
      add(realisedLong, openMs + stepMs, longs[i]);
      add(realisedShort, openMs + stepMs, shorts[i]);
    });
  }
  return {
    baseUnit: interest.grid.unit,
    interest: interestOf(interest.grid),
    funding: fundingOf(others.funding, grid),
    realisedLong,
    realisedShort,
    marks: marksOf(grid, realisedLong, realisedShort),
  };
}

/**
 * The whole book is the modelled share of open interest, in base currency, at every column.
 * @param {any} answer
 */
function interestOf({ times, longTotal, coverage }) {
  const totals = unpack(longTotal);
  /** @type {Map<number, number>} */
  const values = new Map();
  unpack(times).forEach((closeMs, t) => values.set(closeMs, totals[t] / coverage.modelledShare));
  return values;
}

/**
 * @param {any} answer
 * @param {Grid} grid
 */
function fundingOf({ times, rate }, grid) {
  const rates = unpack(rate);
  /** @type {Map<number, number>} */
  const values = new Map();
  unpack(times).forEach((ms, i) => add(values, grid.closeOf(Math.ceil((ms - grid.firstMs) / grid.stepMs - 1e-9)), rates[i]));
  return values;
}

/**
 * Longs are liquidated on the way down to a bar's low, shorts on the way up to its high.
 * @param {Grid} grid
 * @param {Map<number, number>} realisedLong
 * @param {Map<number, number>} realisedShort
 * @returns {import("./layers/marks.js").Mark[]}
 */
function marksOf(grid, realisedLong, realisedShort) {
  /** @type {import("./layers/marks.js").Mark[]} */
  const marks = [];
  for (const [side, values] of /** @type {const} */ ([["LONG", realisedLong], ["SHORT", realisedShort]])) {
    for (const [closeMs, notional] of values) {
      const bar = grid.bars[grid.slotOf(closeMs)];
      if (!bar || notional <= 0) continue;
      marks.push({ closeMs, side, price: side === "LONG" ? bar.low : bar.high, notional });
    }
  }
  return marks;
}

/**
 * Put newer values into a series, and forget what lies before a grid.
 * @param {Series} series
 * @param {Series} newer
 * @param {Grid} grid
 */
export function merge(series, newer, grid) {
  for (const name of /** @type {const} */ (["interest", "funding", "realisedLong", "realisedShort"])) {
    for (const [closeMs, value] of newer[name]) series[name].set(closeMs, value);
    for (const closeMs of series[name].keys()) if (closeMs < grid.firstMs) series[name].delete(closeMs);
  }
  series.marks = marksOf(grid, series.realisedLong, series.realisedShort);
}

/**
 * @param {Map<number, number>} values
 * @param {number} closeMs
 * @param {number} amount
 */
function add(values, closeMs, amount) {
  values.set(closeMs, (values.get(closeMs) ?? 0) + amount);
}
