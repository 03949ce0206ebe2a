/**
 * What rests at each price in one column, the newest in sight, at the right edge, and how it adds up from the price
 * outwards.
 */

import { moment } from "../format.js";

export class ProfileLayer {
  /**
   * @param {import("../theme.js").Colours} colours
   */
  constructor(colours) {
    this.colours = colours;
    /** @type {import("../grid.js").Grid | null} */
    this.grid = null;
    /** @type {"both" | "apart" | "long" | "short"} */
    this.side = "both";
    this.width = 132;
    this._views = [{ zOrder: () => "top", renderer: () => ({ draw: (/** @type {any} */ target) => this._draw(target) }) }];
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
    const { grid, series } = this;
    if (!grid || grid.count === 0) return;
    target.useBitmapCoordinateSpace((/** @type {any} */ scope) => {
      const { context, bitmapSize, horizontalPixelRatio: across, verticalPixelRatio: down } = scope;
      const right = bitmapSize.width;
      const width = this.width * across;
      const slot = this._slot(right / across - this.width);
      const cells = slot * grid.rows;
      const long = grid.long.subarray(cells, cells + grid.rows);
      const short = grid.short.subarray(cells, cells + grid.rows);
      const y = Array.from(grid.edges, (edge) => Math.round(series.priceToCoordinate(edge) * down));
      context.save();
      context.fillStyle = this.colours.background;
      context.fillRect(right - width, 0, width, bitmapSize.height);
      context.strokeStyle = this.colours.line;
      context.lineWidth = across;
      context.beginPath();
      context.moveTo(right - width, 0);
      context.lineTo(right - width, bitmapSize.height);
      context.stroke();
      let most = 0;
      for (let row = 0; row < grid.rows; row++) {
        if (y[row] > 0 && y[row + 1] < bitmapSize.height) most = Math.max(most, long[row], short[row]);
      }
      if (this.side !== "short") this._bars(context, long, y, right, width, most, this.colours.long);
      if (this.side !== "long") this._bars(context, short, y, right, width, most, this.colours.short);
      const price = grid.bars[slot]?.price ?? 0;
      const middle = grid.rowOf(price);
      const [below, above] = [summed(long, middle, -1), summed(short, middle, 1)];
      const total = Math.max(below[0], above[grid.rows - 1], 1);
      if (this.side !== "short") this._curve(context, below, y, middle, -1, right, width, total, this.colours.long);
      if (this.side !== "long") this._curve(context, above, y, middle, 1, right, width, total, this.colours.short);
      if (slot !== grid.newest) this._when(context, slot, right, width, down);
      context.restore();
    });
  }

  /**
   * Say of which column the profile is.
   * @param {CanvasRenderingContext2D} context
   * @param {number} slot
   * @param {number} right
   * @param {number} width
   * @param {number} scale
   */
  _when(context, slot, right, width, scale) {
    const text = moment(/** @type {import("../grid.js").Grid} */ (this.grid).closeOf(slot));
    context.fillStyle = this.colours.background;
    context.fillRect(right - width, 0, width, 32 * scale);
    context.fillStyle = this.colours.ink;
    context.font = `${10.5 * scale}px ${this.colours.font}`;
    context.textAlign = "center";
    context.fillText(text.slice(0, -10), right - width / 2, 13 * scale);
    context.fillText(text.slice(-9), right - width / 2, 26 * scale);
  }

  /**
   * Return the newest slot with a column that is left of the profile.
   * @param {number} x
   */
  _slot(x) {
    const grid = /** @type {import("../grid.js").Grid} */ (this.grid);
    const time = this.chart.timeScale();
    let slot = Math.min(Math.floor((x - time.logicalToCoordinate(0)) / time.options().barSpacing), grid.newest);
    while (slot > 0 && !grid.bars[slot]) slot--;
    return Math.max(slot, 0);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Float32Array} amounts
   * @param {number[]} y
   * @param {number} right
   * @param {number} width
   * @param {number} most
   * @param {string} colour
   */
  _bars(context, amounts, y, right, width, most, colour) {
    context.fillStyle = colour;
    context.globalAlpha = 0.75;
    for (let row = 0; row < amounts.length; row++) {
      const length = most > 0 ? (Math.min(amounts[row] / most, 1) * width * 0.94) : 0;
      if (length > 0) context.fillRect(right - length, y[row + 1], length, Math.max(y[row] - y[row + 1], 1));
    }
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Float64Array} sums
   * @param {number[]} y
   * @param {number} middle
   * @param {number} step
   * @param {number} right
   * @param {number} width
   * @param {number} total
   * @param {string} colour
   */
  _curve(context, sums, y, middle, step, right, width, total, colour) {
    const path = new Path2D();
    for (let row = middle; row >= 0 && row < sums.length; row += step) {
      const x = right - (sums[row] / total) * width * 0.94;
      const at = (y[row] + y[row + 1]) / 2;
      if (row === middle) path.moveTo(x, at);
      else path.lineTo(x, at);
    }
    context.lineJoin = "round";
    context.strokeStyle = this.colours.background;
    context.lineWidth = 4.5;
    context.stroke(path);
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke(path);
  }
}

/**
 * Return the amounts added up from a row outwards.
 * @param {Float32Array} amounts
 * @param {number} from
 * @param {1 | -1} step
 */
function summed(amounts, from, step) {
  const sums = new Float64Array(amounts.length);
  let sum = 0;
  for (let row = from; row >= 0 && row < amounts.length; row += step) sums[row] = sum += amounts[row];
  return sums;
}
