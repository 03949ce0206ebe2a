/** The map under the candles: a raster stretched over the chart's own axes. */

/** Rows are equally high in log price; where the axis is not quite that, strips of rows are stretched each by itself. */
const STRIPS = 16;

export class HeatmapLayer {
  constructor() {
    /** @type {import("../raster.js").Raster | null} */
    this.raster = null;
    this._views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (/** @type {any} */ target) => this._draw(target) }) }];
  }

  /** @param {any} attached */
  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.requestUpdate = requestUpdate;
  }

  paneViews() {
    return this._views;
  }

  /** @param {any} target */
  _draw(target) {
    const { raster, chart, series } = this;
    if (!raster || raster.grid.count === 0) return;
    target.useBitmapCoordinateSpace((/** @type {any} */ scope) => {
      const { context, bitmapSize, horizontalPixelRatio: across, verticalPixelRatio: down } = scope;
      const { grid, canvas } = raster;
      const time = chart.timeScale();
      const first = time.logicalToCoordinate(0);
      const spacing = time.options().barSpacing;
      const from = Math.max(Math.floor(-first / spacing) - 1, 0);
      const until = Math.min(Math.ceil((bitmapSize.width / across - first) / spacing) + 2, grid.count);
      if (from >= until) return;
      const x = (first + (from - 0.5) * spacing) * across;
      const width = (until - from) * spacing * across;
      context.save();
      context.imageSmoothingEnabled = spacing * across < 1;
      for (let strip = 0; strip < STRIPS; strip++) {
        const low = Math.round((strip * grid.rows) / STRIPS);
        const high = Math.round(((strip + 1) * grid.rows) / STRIPS);
        const bottom = series.priceToCoordinate(grid.edges[low]) * down;
        const top = series.priceToCoordinate(grid.edges[high]) * down;
        if (bottom < 0 || top > bitmapSize.height || low === high) continue;
        context.drawImage(canvas, from, grid.rows - high, until - from, high - low, x, top, width, bottom - top + 0.6);
      }
      context.restore();
    });
  }
}
