/** A price range that was chosen beside the map, framed from its birth on. */

/** @typedef {{low: number, high: number, fromMs: number | null, label: string}} Range */

export class HighlightLayer {
  constructor() {
    /** @type {Range | null} */
    this.range = null;
    /** @type {import("../grid.js").Grid | null} */
    this.grid = null;
    this._views = [{ zOrder: () => "top", renderer: () => ({ draw: (/** @type {any} */ target) => this._draw(target) }) }];
  }

  /** @param {any} attached */
  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.requestUpdate = requestUpdate;
  }

  /** @param {Range | null} range */
  show(range) {
    this.range = range;
    this.requestUpdate?.();
  }

  paneViews() {
    return this._views;
  }

  /** @param {any} target */
  _draw(target) {
    const { range, grid, chart, series } = this;
    if (!range || !grid) return;
    target.useMediaCoordinateSpace((/** @type {any} */ { context, mediaSize }) => {
      const time = chart.timeScale();
      const spacing = time.options().barSpacing;
      const born = range.fromMs === null ? -1 : grid.slotOf(range.fromMs);
      const left = Math.max(time.logicalToCoordinate(0) + born * spacing, -2);
      const top = series.priceToCoordinate(range.high);
      const height = Math.max(series.priceToCoordinate(range.low) - top, 3);
      context.save();
      context.lineWidth = 1.5;
      context.strokeStyle = "#0a0e1a";
      context.strokeRect(left + 1, top + 1, mediaSize.width - left + 2, height);
      context.strokeStyle = "#ffffff";
      context.strokeRect(left, top, mediaSize.width - left + 2, height);
      context.fillStyle = "rgb(255 255 255 / 10%)";
      context.fillRect(left, top, mediaSize.width - left, height);
      context.font = "600 12px system-ui, sans-serif";
      const width = context.measureText(range.label).width + 10;
      const at = Math.max(left, 0) + 6;
      const y = top > 24 ? top - 20 : top + height + 4;
      context.fillStyle = "#ffffff";
      context.fillRect(at, y, width, 17);
      context.fillStyle = "#0a0e1a";
      context.fillText(range.label, at + 5, y + 13);
      context.restore();
    });
  }
}
