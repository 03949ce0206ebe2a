/** Realised liquidations on the map: a disc where the price was, as large as its amount is among those in sight. */

/** @typedef {{closeMs: number, side: "LONG" | "SHORT", price: number, notional: number}} Mark */

const MOST = 160;
const LARGEST = 11;

export class MarksLayer {
  /** @param {import("../theme.js").Colours} colours */
  constructor(colours) {
    this.colours = colours;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {import("../grid.js").Grid | null} */
    this.grid = null;
    this._views = [{ zOrder: () => "normal", renderer: () => ({ draw: (/** @type {any} */ target) => this._draw(target) }) }];
  }

  /** @param {any} attached */
  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.requestUpdate = requestUpdate;
  }

  /**
   * Show the largest of these.
   * @param {Mark[]} marks
   * @param {import("../grid.js").Grid} grid
   */
  show(marks, grid) {
    this.marks = marks.toSorted((a, b) => b.notional - a.notional).slice(0, MOST);
    this.grid = grid;
    this.requestUpdate?.();
  }

  paneViews() {
    return this._views;
  }

  /** @param {any} target */
  _draw(target) {
    const { grid, chart, series, marks } = this;
    if (!grid || marks.length === 0) return;
    target.useMediaCoordinateSpace((/** @type {any} */ { context, mediaSize }) => {
      const time = chart.timeScale();
      const first = time.logicalToCoordinate(0);
      const spacing = time.options().barSpacing;
      context.save();
      for (const { closeMs, side, price, notional } of marks) {
        const x = first + grid.slotOf(closeMs) * spacing;
        const y = series.priceToCoordinate(price);
        if (x < -20 || x > mediaSize.width + 20 || y === null) continue;
        const radius = Math.max(Math.sqrt(notional / marks[0].notional) * LARGEST, 1.2);
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fillStyle = side === "LONG" ? "#ff6b5e" : "#39d7f2";
        context.globalAlpha = 0.55;
        context.fill();
        context.globalAlpha = 0.95;
        context.lineWidth = 1;
        context.strokeStyle = "#0a0e1a";
        context.stroke();
      }
      context.restore();
    });
  }
}
