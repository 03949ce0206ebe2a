/** What is looked at, as it stands in the address, so that a view can be shared. */

import { INTERVAL_MS, RANGE_MS } from "./intervals.js";

/** @typedef {import("./intervals.js").Interval} Interval */
/** @typedef {import("./intervals.js").Range} Range */
/** @typedef {{from: number, to: number, low: number, high: number}} Window  epoch milliseconds and prices */

/**
 * @typedef {object} State
 * @property {string} pair     pair or coin; "" for the first that is stored
 * @property {string[]} venues empty for all
 * @property {Interval | "auto"} interval
 * @property {Range | ""} range "" for what fits what is stored
 * @property {"both" | "apart" | "long" | "short"} side
 * @property {"log" | "linear"} colour
 * @property {number} sensitivity 0 to 100
 * @property {Window | null} window what was zoomed or panned to; null for the whole range, up to now
 */

/** @type {State} */
const DEFAULTS = {
  pair: "",
  venues: [],
  interval: "auto",
  range: "",
  side: "both",
  colour: "log",
  sensitivity: 50,
  window: null,
};

/**
 * Return the state an address names; what it does not name, or names wrongly, is the default.
 * @param {string} search
 * @returns {State}
 */
export function fromAddress(search) {
  const given = new URLSearchParams(search);
  const oneOf = (/** @type {string} */ name, /** @type {string[]} */ known, /** @type {any} */ otherwise) =>
    known.includes(given.get(name) ?? "") ? given.get(name) : otherwise;
  const number = (/** @type {string} */ name) => Number(given.get(name) ?? NaN);
  const sensitivity = given.has("sensitivity") ? number("sensitivity") : DEFAULTS.sensitivity;
  const window = {
    from: Date.parse(given.get("from") ?? ""),
    to: Date.parse(given.get("to") ?? ""),
    low: number("low"),
    high: number("high"),
  };
  const whole = Object.values(window).every(Number.isFinite) && window.from < window.to && 0 < window.low;
  return {
    pair: given.get("pair") ?? DEFAULTS.pair,
    venues: (given.get("venues") ?? "").split(",").filter(Boolean),
    interval: oneOf("interval", Object.keys(INTERVAL_MS), "auto"),
    range: oneOf("range", Object.keys(RANGE_MS), ""),
    side: oneOf("side", ["both", "apart", "long", "short"], "both"),
    colour: oneOf("colour", ["log", "linear"], "log"),
    sensitivity: Number.isFinite(sensitivity) ? Math.min(Math.max(Math.round(sensitivity), 0), 100) : 50,
    window: whole && window.low < window.high ? window : null,
  };
}

/**
 * Return the query part of an address for a state, "" for the defaults.
 * @param {State} state
 */
export function toAddress(state) {
  const named = new URLSearchParams();
  for (const name of /** @type {const} */ (["pair", "interval", "range", "side", "colour", "sensitivity"])) {
    if (state[name] !== DEFAULTS[name]) named.set(name, String(state[name]));
  }
  if (state.venues.length) named.set("venues", state.venues.join(","));
  if (state.window) {
    named.set("from", new Date(Math.round(state.window.from)).toISOString());
    named.set("to", new Date(Math.round(state.window.to)).toISOString());
    named.set("low", String(Number(state.window.low.toPrecision(8))));
    named.set("high", String(Number(state.window.high.toPrecision(8))));
  }
  const text = named.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text ? `?${text}` : "";
}
