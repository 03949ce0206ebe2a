/** Which part of the grid to ask for, and how fine. */

import { ask } from "./api.js";
import { Reference } from "./colour.js";
import { Grid } from "./grid.js";
import { INTERVAL_MS, RANGE_MS, intervalFor } from "./intervals.js";
import { GRID } from "./queries.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Window} Window */
/** @typedef {import("./intervals.js").Stored} Stored */
/** @typedef {import("./intervals.js").Interval} Interval */

/** The engine's own bins, in log price: nothing is finer. */
const BIN = Math.log(1.0005);
const ROWS = 300;
const MOST_ROWS = 640;
const MOST_COLUMNS = 1400;
const MARGIN = 0.4; // of what is in sight, loaded around it
const PRICE_MARGIN = 0.25;

const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();

/**
 * Return the interval that draws a state.
 * @param {State} state
 * @param {Stored[]} stored
 * @returns {Interval}
 */
export function intervalOf(state, stored) {
  if (state.interval !== "auto") return state.interval;
  const newest = Math.max(...stored.map(({ last }) => last));
  const { from, to } = state.window ?? { from: newest - RANGE_MS[/** @type {"1d"} */ (state.range)], to: newest };
  return intervalFor(from, Math.min(to, newest), stored);
}

/**
 * Load what a state shows: its window with something around it, or its whole range up to now; and, if asked for, what
 * colours are measured by, which is of the whole range.
 * @param {State} state
 * @param {Stored[]} stored
 * @param {boolean} measure
 * @param {AbortSignal} [signal]
 * @returns {Promise<{grid: Grid, reference: Reference | null}>}
 */
export async function loadGrid(state, stored, measure, signal) {
  const interval = intervalOf(state, stored);
  const step = INTERVAL_MS[interval];
  const { pair, venues, window } = state;
  const newest = stored.find((one) => one.interval === interval)?.last ?? 0;
  const windowed = window !== null && window.from < newest;
  const wholeInterval = intervalOf({ ...state, window: null }, stored);
  const wholeLast = columnsOf(state, wholeInterval);
  const part = windowed ? around(window, step, newest) : { last: columnsOf(state, interval), rows: ROWS };
  const variables = {
    pair, interval, venues: venues.length ? venues : null, wholeInterval, wholeLast, measure: measure && windowed, ...part,
  };
  const answer = await ask(GRID, variables, signal);
  const grid = new Grid(answer.grid, interval, step);
  return { grid, reference: measure ? new Reference(answer.measure ?? answer.grid) : null };
}

/**
 * @param {State} state
 * @param {Interval} interval
 */
function columnsOf({ range }, interval) {
  const columns = Math.round(RANGE_MS[/** @type {"1d"} */ (range)] / INTERVAL_MS[interval]);
  return Math.min(Math.max(columns, 2), 5 * MOST_COLUMNS);
}

/**
 * Return the times, prices and rows to load for a window.
 * @param {Window} window
 * @param {number} step
 * @param {number} newest
 */
function around({ from, to, low, high }, step, newest) {
  const seen = Math.min(to, newest) - from;
  const margin = Math.max(Math.min(seen * MARGIN, (MOST_COLUMNS * step - seen) / 2), step);
  const height = Math.log(high / low);
  const rows = Math.min(Math.ceil((height * (1 + 2 * PRICE_MARGIN)) / wantedRow(height)), MOST_ROWS);
  const reachesNow = to + margin >= newest;
  return {
    start: iso(Math.ceil((from - margin) / step) * step),
    end: reachesNow ? null : iso(to + margin),
    low: low * Math.exp(-height * PRICE_MARGIN),
    high: high * Math.exp(height * PRICE_MARGIN),
    rows: Math.max(rows, 20),
  };
}

/**
 * Return how high a row should be, in log price, where so much is in sight.
 * @param {number} height
 */
function wantedRow(height) {
  return Math.max(height / ROWS, BIN);
}

/**
 * Tell whether another grid would show a view better: finer, further, or lighter.
 * @param {Grid} grid
 * @param {Window} view
 * @param {State} state
 * @param {Stored[]} stored
 */
export function isPoor(grid, view, state, stored) {
  const interval = intervalOf({ ...state, window: view }, stored);
  if (interval !== grid.interval) return true;
  const has = stored.find((one) => one.interval === interval);
  if (!has) return false;
  const step = grid.stepMs;
  const earlier = view.from < grid.firstMs - step && has.first < grid.firstMs - step;
  const later = view.to > grid.lastMs + step && has.last > grid.lastMs + step;
  const height = Math.log(view.high / view.low);
  const coarse = grid.rowHeight > 1.5 * wantedRow(height);
  const outside = view.low < grid.low * (1 - 1e-6) || view.high > grid.high * (1 + 1e-6);
  return earlier || later || coarse || outside;
}
