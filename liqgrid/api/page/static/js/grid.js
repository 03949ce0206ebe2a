/**
 * The loaded part of the heatmap: one slot for every interval from the first column to the last, some of them empty,
 * by price rows.
 */

import { unpack } from "./packed.js";

/** @typedef {import("./intervals.js").Interval} Interval */
/** @typedef {{open: number, high: number, low: number, close: number, price: number}} Bar */
/** @typedef {{closeMs: number, long: ArrayLike<number>, short: ArrayLike<number>, bar: Bar}} Column */

export class Grid {
  /**
   * @param {any} answer     what `grid` answered
   * @param {Interval} interval
   * @param {number} stepMs
   */
  constructor(answer, interval, stepMs) {
    const closes = unpack(answer.times);
    this.interval = interval;
    this.stepMs = stepMs;
    /** @type {string} */
    this.unit = answer.unit;
    this.edges = unpack(answer.priceEdges);
    this.rows = this.edges.length - 1;
    /** Log of the price from the lowest edge to the highest, for each row. */
    this.rowHeight = Math.log(this.edges[this.rows] / this.edges[0]) / this.rows;
    this.firstMs = closes[0];
    this.count = Math.round((closes[closes.length - 1] - closes[0]) / stepMs) + 1;
    this.provenance = { model: answer.model, coverage: answer.coverage, asOf: Date.parse(answer.asOf) };
    this.long = new Float32Array((this.count + 64) * this.rows);
    this.short = new Float32Array((this.count + 64) * this.rows);
    /** @type {(Bar | null)[]} empty where no column is */
    this.bars = new Array(this.count).fill(null);
    const [long, short] = [unpack(answer.long), unpack(answer.short)];
    const bars = Object.fromEntries(
      ["open", "high", "low", "close", "price"].map((name) => [name, unpack(answer.bars[name])]),
    );
    closes.forEach((closeMs, t) => {
      const slot = this.slotOf(closeMs);
      this.long.set(long.subarray(t * this.rows, (t + 1) * this.rows), slot * this.rows);
      this.short.set(short.subarray(t * this.rows, (t + 1) * this.rows), slot * this.rows);
      this.bars[slot] = /** @type {Bar} */ (Object.fromEntries(Object.keys(bars).map((name) => [name, bars[name][t]])));
    });
  }

  get lastMs() {
    return this.firstMs + (this.count - 1) * this.stepMs;
  }

  /** Prices the rows reach over. */
  get low() {
    return this.edges[0];
  }

  get high() {
    return this.edges[this.rows];
  }

  /** @param {number} closeMs */
  slotOf(closeMs) {
    return Math.round((closeMs - this.firstMs) / this.stepMs);
  }

  /** @param {number} slot */
  closeOf(slot) {
    return this.firstMs + slot * this.stepMs;
  }

  /**
   * Return the row a price lies in, -1 for one outside.
   * @param {number} price
   */
  rowOf(price) {
    const row = Math.floor(Math.log(price / this.edges[0]) / this.rowHeight);
    if (row < 0 || row >= this.rows) return -1;
    if (price < this.edges[row]) return row - 1;
    return price >= this.edges[row + 1] && row + 1 < this.rows ? row + 1 : row;
  }

  /** The newest slot that has a column. */
  get newest() {
    let slot = this.count - 1;
    while (slot > 0 && !this.bars[slot]) slot--;
    return slot;
  }

  /**
   * Put a column in its place, at the end or in the stead of another; tell whether it fits this grid.
   * @param {Column} column
   */
  put({ closeMs, long, short, bar }) {
    const slot = this.slotOf(closeMs);
    if (slot < 0 || slot > this.count + 60 || long.length !== this.rows) return false;
    if ((slot + 1) * this.rows > this.long.length) this._grow(slot + 1);
    while (this.count <= slot) {
      this.bars.push(null);
      this.count++;
    }
    this.long.set(long, slot * this.rows);
    this.short.set(short, slot * this.rows);
    this.bars[slot] = bar;
    return true;
  }

  /**
   * Forget every column that closes at or after a time: they were made anew.
   * @param {number} closeMs
   */
  dropFrom(closeMs) {
    const slot = Math.max(this.slotOf(closeMs), 0);
    for (let i = slot; i < this.count; i++) {
      this.bars[i] = null;
      this.long.fill(0, i * this.rows, (i + 1) * this.rows);
      this.short.fill(0, i * this.rows, (i + 1) * this.rows);
    }
  }

  /**
   * Forget the oldest columns.
   * @param {number} columns
   */
  dropOldest(columns) {
    const kept = this.count - columns;
    for (const side of [this.long, this.short]) {
      side.copyWithin(0, columns * this.rows, this.count * this.rows);
      side.fill(0, kept * this.rows);
    }
    this.bars.splice(0, columns);
    this.firstMs += columns * this.stepMs;
    this.count = kept;
  }

  /** @param {number} slots */
  _grow(slots) {
    for (const name of /** @type {const} */ (["long", "short"])) {
      const roomier = new Float32Array(Math.ceil(slots * 1.25) * this.rows);
      roomier.set(this[name]);
      this[name] = roomier;
    }
  }
}
