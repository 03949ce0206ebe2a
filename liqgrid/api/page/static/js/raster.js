/** The cells of a grid as a picture, a pixel each, to be stretched over the chart by whoever draws it. */

import { PALETTES } from "./colour.js";

/** @typedef {import("./state.js").State["side"]} Shown */

export class Raster {
  /**
   * @param {import("./grid.js").Grid} grid
   * @param {import("./colour.js").Scale} scale
   * @param {Shown} side
   */
  constructor(grid, scale, side) {
    this.grid = grid;
    this.scale = scale;
    this.side = side;
    this.canvas = document.createElement("canvas");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this._make();
    this.paint(0);
  }

  /**
   * Colour everything anew.
   * @param {import("./colour.js").Scale} scale
   * @param {Shown} side
   */
  recolour(scale, side) {
    this.scale = scale;
    this.side = side;
    this.paint(0);
  }

  /**
   * Paint the columns from a slot on; what is before stays.
   * @param {number} from
   */
  paint(from) {
    const { grid } = this;
    if (grid.count > this.canvas.width || grid.rows !== this.canvas.height) {
      this._make();
      from = 0;
    }
    const width = grid.count - from;
    if (width <= 0) return;
    const image = this.context.createImageData(width, grid.rows);
    const pixels = new Uint32Array(image.data.buffer);
    const shade = this.scale.shades(grid.rowHeight);
    const pixel = this._pixel(shade);
    for (let slot = from; slot < grid.count; slot++) {
      if (!grid.bars[slot]) continue; // stays transparent: no column is no darkness
      let cell = slot * grid.rows;
      let at = (grid.rows - 1) * width + slot - from;
      for (let row = 0; row < grid.rows; row++, cell++, at -= width) {
        pixels[at] = pixel(grid.long[cell], grid.short[cell]);
      }
    }
    this.context.putImageData(image, from, 0);
  }

  _make() {
    this.canvas.width = Math.ceil(this.grid.count * 1.25) + 32;
    this.canvas.height = this.grid.rows;
  }

  /**
   * @param {(amount: number) => number} shade
   * @returns {(long: number, short: number) => number}
   */
  _pixel(shade) {
    const { both, long: ofLong, short: ofShort } = PALETTES;
    if (this.side === "long") return (long) => ofLong[shade(long)];
    if (this.side === "short") return (_, short) => ofShort[shade(short)];
    if (this.side === "apart") return (long, short) => (long >= short ? ofLong[shade(long)] : ofShort[shade(short)]);
    return (long, short) => both[shade(long + short)];
  }
}
