/** Where the crosshair is, by pointer or by keys. */

import { byId } from "./dom.js";

/** @typedef {import("./readout.js").Place} Place */

export class Crosshair {
  /**
   * @param {import("./chart.js").Chart} chart
   * @param {{moved: (place: Place | null, byKey: boolean) => void, whole: () => void}} listener
   */
  constructor(chart, listener) {
    this.chart = chart;
    this.listener = listener;
    /** @type {Place | null} */
    this.place = null;
    this.byKey = false;
    chart.chart.subscribeCrosshairMove((/** @type {any} */ event) => this._moved(event));
    byId("chart").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this._key(event)) return;
      event.preventDefault();
    });
  }

  /** @param {any} event */
  _moved({ point, logical, paneIndex }) {
    const { grid, candles } = this.chart;
    if (this.byKey) return; // told already, and exactly
    const slot = Math.round(logical ?? NaN);
    if (!grid || !point || !(slot >= 0 && slot < grid.count) || (paneIndex ?? 0) !== 0) {
      const place = this.place && point && grid && slot >= 0 && slot < grid.count ? { ...this.place, slot } : null;
      this._tell(place, false);
      return;
    }
    const price = candles.coordinateToPrice(point.y);
    this._tell({ slot, price, row: grid.rowOf(price) }, false);
  }

  /**
   * @param {Place | null} place
   * @param {boolean} byKey
   */
  _tell(place, byKey) {
    this.place = place;
    this.listener.moved(place, byKey);
  }

  /**
   * Do what a key says; tell whether it says anything.
   * @param {KeyboardEvent} event
   */
  _key({ key, shiftKey }) {
    const { chart } = this;
    const view = chart.view();
    const grid = chart.grid;
    if (!view || !grid) return false;
    const [span, height] = [view.to - view.from, Math.log(view.high / view.low)];
    const pan = (/** @type {number} */ across, /** @type {number} */ up) =>
      chart.look({
        from: view.from + across * span, to: view.to + across * span,
        low: view.low * Math.exp(up * height), high: view.high * Math.exp(up * height),
      });
    const zoom = (/** @type {number} */ factor) => {
      const middle = Math.sqrt(view.low * view.high);
      const half = (height * factor) / 2;
      const end = Math.min(view.to, grid.lastMs + grid.stepMs);
      chart.look({
        from: end - (end - view.from) * factor, to: end + (view.to - end) * factor,
        low: middle * Math.exp(-half), high: middle * Math.exp(half),
      });
    };
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const arrow = arrows[/** @type {keyof typeof arrows} */ (key)];
    if (arrow && shiftKey) pan(0.1 * arrow[0], 0.1 * arrow[1]);
    else if (arrow) this._step(arrow[0], arrow[1]);
    else if (key === "+" || key === "=") zoom(1 / 1.3);
    else if (key === "-" || key === "_") zoom(1.3);
    else if (key === "0") this.listener.whole();
    else if (key === "Escape") this._leave();
    else return false;
    return true;
  }

  /**
   * @param {number} across
   * @param {number} up
   */
  _step(across, up) {
    const grid = /** @type {import("./grid.js").Grid} */ (this.chart.grid);
    const price = grid.bars[grid.newest]?.price ?? grid.edges[0];
    const from = this.place && this.place.row >= 0 ? this.place : { slot: grid.newest, row: grid.rowOf(price) };
    const slot = Math.min(Math.max(from.slot + across, 0), grid.count - 1);
    const row = Math.min(Math.max(from.row + up, 0), grid.rows - 1);
    const middle = Math.sqrt(grid.edges[row] * grid.edges[row + 1]);
    this.byKey = true;
    this.chart.chart.setCrosshairPosition(middle, grid.closeOf(slot) / 1000, this.chart.candles);
    this._tell({ slot, row, price: middle }, true);
    this.byKey = false;
  }

  _leave() {
    this.chart.chart.clearCrosshairPosition();
    this._tell(null, true);
  }
}
