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
    /** @type {{point: {x: number, y: number}, pane: number} | null} */
    this.pointed = null;
    chart.chart.subscribeCrosshairMove((/** @type {any} */ event) => {
      if (event.sourceEvent && event.point) this._point(event.point, event.paneIndex ?? 0);
    });
    chart.swapped = () => this._again();
    const element = byId("chart");
    element.addEventListener("pointerleave", () => this._leave(false));
    element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this._key(event)) return;
      event.preventDefault();
    });
    element.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      if (!event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      this._stretch(event);
    }, { capture: true, passive: false });
  }

  /**
   * The pointer is at a point of a pane.
   * @param {{x: number, y: number}} point
   * @param {number} pane
   */
  _point(point, pane) {
    const { grid, candles, chart } = this.chart;
    if (!grid) return;
    this.pointed = { point, pane };
    const slot = Math.round(chart.timeScale().coordinateToLogical(point.x) ?? NaN);
    if (!(slot >= 0 && slot < grid.count)) {
      this._tell(null, false);
    } else if (pane === 0) {
      const price = candles.coordinateToPrice(point.y);
      this._tell({ slot, price, row: grid.rowOf(price) }, false);
    } else if (this.place) {
      this._tell({ ...this.place, slot }, false);
    }
  }

  /** Read again what lies under the crosshair and show it, after columns came. */
  _again() {
    const { pointed } = this;
    if (pointed) this._point(pointed.point, pointed.pane);
    // In another pane it comes back with the pointer's next move.
    const { place } = this;
    const isThere = place && place.slot < (this.chart.grid?.count ?? 0);
    if (isThere && (pointed?.pane ?? 0) === 0) this._show(place.slot, place.price);
  }

  /**
   * @param {number} slot
   * @param {number} price
   */
  _show(slot, price) {
    const grid = /** @type {import("./grid.js").Grid} */ (this.chart.grid);
    this.chart.chart.setCrosshairPosition(price, grid.closeOf(slot) / 1000, this.chart.candles);
  }

  /**
   * Stretch or squeeze the prices around the pointer.
   * @param {WheelEvent} event
   */
  _stretch({ deltaX, deltaY, clientY }) {
    const view = this.chart.view();
    const top = this.chart.element.getBoundingClientRect().top;
    const price = this.chart.candles.coordinateToPrice(clientY - top);
    if (!view || !price) return;
    const factor = Math.exp((deltaY || deltaX) / 600);
    this.chart.look({ ...view, low: price * (view.low / price) ** factor, high: price * (view.high / price) ** factor });
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
    else if (key === "Escape") this._leave(true);
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
    this.pointed = null;
    this._show(slot, middle);
    this._tell({ slot, row, price: middle }, true);
  }

  /** @param {boolean} byKey */
  _leave(byKey) {
    this.pointed = null;
    if (byKey) this.chart.chart.clearCrosshairPosition();
    this._tell(null, byKey);
  }
}
