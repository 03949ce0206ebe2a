/** From an amount to a colour: dark blue where little would be liquidated, yellow where much would. */

import { unpack } from "./packed.js";

/** @typedef {[number, string][]} Stops */

const SHADES = 256;

/** @type {Stops} the colours of `liqgrid plot` */
const BOTH = [
  [0, "#070b1d"], [0.14, "#0d1c4d"], [0.32, "#143f8f"], [0.52, "#13789f"], [0.7, "#27ab8f"], [0.86, "#a3d54a"],
  [1, "#fff23d"],
];
/** @type {Stops} */
const LONG = [[0, "#070b1d"], [0.2, "#341037"], [0.45, "#83204f"], [0.7, "#dd4b50"], [0.88, "#ff9d5c"], [1, "#ffe9a8"]];
/** @type {Stops} */
const SHORT = [[0, "#070b1d"], [0.2, "#0b2a4a"], [0.45, "#0b5a86"], [0.7, "#16a3c0"], [0.88, "#5be0d8"], [1, "#dcfff4"]];

/** Lookup tables of 32-bit pixels, for both sides together and for each. */
export const PALETTES = { both: table(BOTH), long: table(LONG), short: table(SHORT) };

/** The same as a CSS gradient, for the legend. */
export const GRADIENTS = { both: gradient(BOTH), long: gradient(LONG), short: gradient(SHORT) };

/** @param {Stops} stops */
function gradient(stops) {
  return stops.map(([at, colour]) => `${colour} ${at * 100}%`).join(", ");
}

/** @param {string} colour */
function channels(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

/** @param {Stops} stops */
function table(stops) {
  const pixels = new Uint32Array(SHADES);
  const bytes = new Uint8ClampedArray(pixels.buffer);
  for (let shade = 0; shade < SHADES; shade++) {
    const at = shade / (SHADES - 1);
    const next = Math.max(stops.findIndex(([stop]) => stop >= at), 1);
    const [[from, low], [to, high]] = [stops[next - 1], stops[next]];
    const part = (at - from) / (to - from);
    const [a, b] = [channels(low), channels(high)];
    for (let c = 0; c < 3; c++) bytes[4 * shade + c] = a[c] + (b[c] - a[c]) * part;
    bytes[4 * shade + 3] = 255;
  }
  return pixels;
}

/**
 * What colours are measured by: amounts per unit of log price, by the share of cells below them, in the whole range up to
 * now. It stays while one zooms, so that a level keeps its colour however fine the rows are, and wherever one looks.
 */
export class Reference {
  /** @param {any} answer what `grid` answered, with its percentiles */
  constructor({ maximum, percentiles, priceEdges }) {
    const edges = unpack(priceEdges);
    const rowHeight = Math.log(edges[edges.length - 1] / edges[0]) / (edges.length - 1);
    /** @type {[number, number][]} percent and density, ascending */
    this.points = [...percentiles, { percent: 100, value: maximum }].map(({ percent, value }) => [percent, value / rowHeight]);
  }

  /**
   * Return the density a share of cells is below; under the lowest percentile known it falls off towards none.
   * @param {number} percent
   */
  percentile(percent) {
    const next = this.points.findIndex(([at]) => at >= percent);
    const [to, high] = this.points[next];
    if (next === 0) return high * (percent / to) ** 1.5;
    const [from, low] = this.points[next - 1];
    return low + ((high - low) * (percent - from)) / (to - from);
  }
}

/** Which amounts of a row are dark, which are brightest, and what is between. */
export class Scale {
  /**
   * @param {Reference} reference
   * @param {number} sensitivity 0 shows the largest levels only, 100 all there is
   * @param {"log" | "linear"} kind
   */
  constructor(reference, sensitivity, kind) {
    const part = sensitivity / 100;
    this.kind = kind;
    this.brightest = reference.percentile(100 - 6 * part ** 3) || 1;
    const darkest = reference.percentile(96 * (1 - part) ** 1.8);
    this.darkest = Math.min(kind === "log" ? Math.max(darkest, this.brightest / 400) : darkest, this.brightest * 0.9);
    if (part === 1 && kind === "linear") this.darkest = 0;
  }

  /**
   * Return a function from an amount in a row to a shade, 0 to 255.
   * @param {number} rowHeight
   * @returns {(amount: number) => number}
   */
  shades(rowHeight) {
    const [low, high] = [this.darkest * rowHeight, this.brightest * rowHeight];
    const top = SHADES - 1;
    if (this.kind === "linear") {
      const factor = top / (high - low);
      return (amount) => (amount <= low ? 0 : amount >= high ? top : ((amount - low) * factor) | 0);
    }
    const logLow = Math.log(low);
    const factor = top / (Math.log(high) - logLow);
    return (amount) => (amount <= low ? 0 : amount >= high ? top : ((Math.log(amount) - logLow) * factor) | 0);
  }

  /**
   * Return the amounts in one row under which it is dark, and from which on it is brightest.
   * @param {number} rowHeight
   */
  ends(rowHeight) {
    return [this.darkest * rowHeight, this.brightest * rowHeight];
  }
}
