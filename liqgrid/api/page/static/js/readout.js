/** What lies under the crosshair, in words and exact numbers. */

import { byId, make } from "./dom.js";
import { moment, price as priceText, signed, whole } from "./format.js";

/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {{slot: number, row: number, price: number}} Place */

/**
 * Return the numbers of a place; amounts are those of the API's cell.
 * @param {Grid} grid
 * @param {Place} place
 */
export function numbersAt(grid, { slot, row, price }) {
  const bar = grid.bars[slot];
  const cell = slot * grid.rows + row;
  return {
    closeMs: grid.closeOf(slot),
    price,
    bar,
    low: row < 0 ? null : grid.edges[row],
    high: row < 0 ? null : grid.edges[row + 1],
    long: bar && row >= 0 ? grid.long[cell] : null,
    short: bar && row >= 0 ? grid.short[cell] : null,
    distance: bar ? price / bar.price - 1 : null,
  };
}

/**
 * Write them into the strip over the map.
 * @param {Grid} grid
 * @param {Place} place
 */
export function writeReadout(grid, place) {
  const at = numbersAt(grid, place);
  const item = (/** @type {string} */ name, /** @type {string} */ text, /** @type {number | null} */ value) =>
    make("span", { class: `item ${name}`, "data-value": value ?? "" }, make("b", { text: name }), ` ${text}`);
  const missing = at.bar ? "beyond the rows" : "no column";
  const amount = (/** @type {number | null} */ value) => (value === null ? missing : whole(value));
  const parts = [
    item("time", moment(at.closeMs), at.closeMs),
    item("price", priceText(at.price), at.price),
    item("long", amount(at.long), at.long),
    item("short", `${amount(at.short)} ${at.short === null ? "" : grid.unit}`, at.short),
    item("distance", at.distance === null ? "–" : signed(at.distance, 2), at.distance),
  ];
  if (at.bar) {
    const { open, high, low, close } = at.bar;
    parts.push(item("bar", [open, high, low, close].map(priceText).join("  "), close));
  }
  byId("readout").replaceChildren(...parts);
  byId("readout").dataset.row = String(place.row);
  return parts.map((part) => part.textContent).join(", ");
}

/**
 * Say what one sees where no crosshair is.
 * @param {Grid} grid
 * @param {string} interval
 */
export function writeNewest(grid, interval) {
  const bar = grid.bars[grid.newest];
  const reach = `${priceText(grid.low)} to ${priceText(grid.high)}`;
  byId("readout").replaceChildren(
    make("span", { class: "item" }, make("b", { text: interval }), " columns"),
    make("span", { class: "item" }, make("b", { text: "newest" }), ` ${moment(grid.closeOf(grid.newest))}`),
    make("span", { class: "item" }, make("b", { text: "price" }), ` ${bar ? priceText(bar.price) : "–"}`),
    make("span", { class: "item wide" }, make("b", { text: "rows" }), ` ${grid.rows}, ${reach}`),
  );
  delete byId("readout").dataset.row;
}
