/** Intervals and ranges: how long they are, and which interval draws a span of time. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Length of each interval in milliseconds, finest first. */
export const INTERVAL_MS = { M1: MINUTE, M5: 5 * MINUTE, M15: 15 * MINUTE, H1: HOUR, H4: 4 * HOUR, D1: DAY };

/** What a person calls them. */
export const INTERVAL_NAMES = { M1: "1m", M5: "5m", M15: "15m", H1: "1h", H4: "4h", D1: "1d" };

/** Ranges that can be chosen, in milliseconds. */
export const RANGE_MS = {
  "12h": 12 * HOUR,
  "1d": DAY,
  "3d": 3 * DAY,
  "1w": 7 * DAY,
  "2w": 14 * DAY,
  "1M": 30 * DAY,
  "3M": 91 * DAY,
  "6M": 182 * DAY,
  "1y": 365 * DAY,
};

/** @typedef {keyof typeof INTERVAL_MS} Interval */
/** @typedef {keyof typeof RANGE_MS} Range */
/** @typedef {{interval: Interval, columns: number, first: number, last: number}} Stored */

const MOST_COLUMNS = 600;
const DEFAULT_RANGES = { M1: "12h", M5: "1d", M15: "3d", H1: "2w", H4: "1M", D1: "1y" };

/**
 * Return the finest stored interval that draws a span in few enough columns and reaches back to its start.
 * @param {number} startMs
 * @param {number} endMs
 * @param {Stored[]} stored
 * @returns {Interval}
 */
export function intervalFor(startMs, endMs, stored) {
  const span = endMs - startMs;
  const few = stored
    .filter(({ interval }) => span / INTERVAL_MS[interval] <= MOST_COLUMNS)
    .sort((a, b) => INTERVAL_MS[a.interval] - INTERVAL_MS[b.interval]);
  const missing = (/** @type {Stored} */ one) => Math.max(one.first - INTERVAL_MS[one.interval] - startMs, 0);
  const least = Math.min(...few.map(missing));
  const found = few.find((one) => missing(one) <= least + span / 20);
  if (found) return found.interval;
  const coarsest = stored.reduce((a, b) => (INTERVAL_MS[b.interval] > INTERVAL_MS[a.interval] ? b : a), stored[0]);
  return coarsest?.interval ?? "H1";
}

/**
 * Return the range shown where none was asked for: about 300 columns of the finest interval that has that many.
 * @param {Stored[]} stored
 * @returns {Range}
 */
export function defaultRange(stored) {
  const order = /** @type {Interval[]} */ (["M5", "M15", "H1", "H4", "D1", "M1"]);
  const long = order.find((interval) => stored.some((one) => one.interval === interval && one.columns >= 100));
  const found = long ?? order.find((interval) => stored.some((one) => one.interval === interval));
  return /** @type {Range} */ (found ? DEFAULT_RANGES[found] : "1d");
}

/**
 * Return what is stored of several instruments together, by interval.
 * @param {{grids: {interval: Interval, columns: number, first: string, last: string}[]}[]} instruments
 * @returns {Stored[]}
 */
export function storedTogether(instruments) {
  /** @type {Map<Interval, Stored>} */
  const together = new Map();
  for (const { grids } of instruments) {
    for (const { interval, columns, first, last } of grids) {
      const seen = together.get(interval);
      together.set(interval, {
        interval,
        columns: Math.max(columns, seen?.columns ?? 0),
        first: Math.min(Date.parse(first), seen?.first ?? Infinity),
        last: Math.max(Date.parse(last), seen?.last ?? -Infinity),
      });
    }
  }
  return [...together.values()].filter(({ columns }) => columns > 0);
}
