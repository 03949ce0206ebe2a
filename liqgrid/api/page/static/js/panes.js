/** The panes below the map: open interest, funding and realised liquidations, on the times of its columns. */

import { percent, short as shortText } from "./format.js";

/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./series.js").Series} Series */

const library = /** @type {any} */ (globalThis).LightweightCharts;
const NAMES = ["Open interest", "Funding", "Realised liquidations"];
const TITLE_ONLY = 22; // pixels of a pane nothing is stored for

export class Panes {
  /**
   * @param {any} chart
   * @param {number} axis pixels of the price axis
   */
  constructor(chart, axis) {
    /** @type {Series | undefined} */
    this.series = undefined;
    const { HistogramSeries, LineSeries } = library;
    const quiet = { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", minMove: 1e-9 } };
    const amounts = { ...quiet, priceFormat: { ...quiet.priceFormat, formatter: shortText } };
    this.interest = chart.addSeries(LineSeries, { ...amounts, lineWidth: 2, crosshairMarkerRadius: 3 }, 1);
    this.funding = chart.addSeries(
      HistogramSeries,
      { ...quiet, priceFormat: { ...quiet.priceFormat, formatter: (/** @type {number} */ rate) => percent(rate, 3) } },
      2,
    );
    this.realisedLong = chart.addSeries(HistogramSeries, amounts, 3);
    this.realisedShort = chart.addSeries(HistogramSeries, amounts, 3);
    for (let pane = 1; pane <= NAMES.length; pane++) {
      chart.priceScale("right", pane).applyOptions({
        mode: 0, autoScale: true, scaleMargins: { top: 0.3, bottom: 0.14 }, minimumWidth: axis,
      });
    }
    this.titles = NAMES.map((_, i) =>
      library.createTextWatermark(chart.panes()[i + 1], { horzAlign: "left", vertAlign: "top", lines: [] }),
    );
  }

  /** @param {any} colours */
  recolour(colours) {
    this.colours = colours;
    this.interest.applyOptions({ color: colours.accent });
    this.realisedLong.applyOptions({ color: colours.long });
    this.realisedShort.applyOptions({ color: colours.short });
    this.tell({}, "");
  }

  /**
   * Return how high each pane is, pixels: room for its title where nothing is stored.
   * @param {number} full
   */
  heights(full) {
    const { series } = this;
    if (!series) return NAMES.map(() => full);
    const { interest, funding, realisedLong, realisedShort } = series;
    return [interest.size, funding.size, realisedLong.size + realisedShort.size].map((size) => (size ? full : TITLE_ONLY));
  }

  /**
   * Show what was sampled, paid and liquidated, by the close of its column.
   * @param {Series} series
   * @param {Grid} grid
   */
  show(series, grid) {
    this.series = series;
    this.draw(grid);
    this.tell({}, grid.unit);
  }

  /**
   * Draw what there is over the columns of a grid.
   * @param {Grid} grid
   */
  draw(grid) {
    const { series } = this;
    if (!series) return;
    // A time the candles do not have would be a column of its own.
    const within = (/** @type {number} */ closeMs) =>
      closeMs >= grid.firstMs && closeMs <= grid.lastMs && (closeMs - grid.firstMs) % grid.stepMs === 0;
    const points = (/** @type {Map<number, number>} */ values, /** @type {(value: number) => any} */ point) =>
      [...values.keys()].filter(within).sort((a, b) => a - b)
        .map((closeMs) => ({ time: closeMs / 1000, ...point(values.get(closeMs) ?? 0) }));
    const plain = (/** @type {number} */ value) => ({ value });
    this.interest.setData(points(series.interest, plain));
    this.funding.setData(
      points(series.funding, (value) => ({ value, color: value >= 0 ? this.colours?.long : this.colours?.short })),
    );
    this.realisedLong.setData(points(series.realisedLong, (value) => ({ value: -value })));
    this.realisedShort.setData(points(series.realisedShort, plain));
  }

  /**
   * Write into the panes what they show, with the values under the crosshair.
   * @param {{closeMs?: number}} at
   * @param {string} unit of realised liquidations
   */
  tell({ closeMs }, unit) {
    const { series } = this;
    const line = (/** @type {number} */ pane, /** @type {string} */ value) =>
      this.titles[pane].applyOptions({
        lines: [{ text: `${NAMES[pane]}${value ? `  ${value}` : ""}`, color: this.colours?.muted, fontSize: 11, fontFamily: this.colours?.font }],
      });
    const value = (/** @type {Map<number, number> | undefined} */ values) =>
      closeMs === undefined ? undefined : values?.get(closeMs);
    const interest = value(series?.interest);
    const rate = value(series?.funding);
    const [long, short] = [value(series?.realisedLong), value(series?.realisedShort)];
    const absent = (/** @type {number | undefined} */ size, /** @type {string} */ otherwise) => (size === 0 ? "none stored" : otherwise);
    line(0, interest === undefined ? absent(series?.interest.size, series?.baseUnit ?? "") : `${shortText(interest)} ${series?.baseUnit ?? ""}`);
    line(1, rate === undefined ? absent(series?.funding.size, "longs pay above 0") : percent(rate, 4));
    line(2, long === undefined && short === undefined
      ? absent(series ? series.realisedLong.size + series.realisedShort.size : undefined, "shorts up, longs down")
      : `longs ${shortText(long ?? 0)}, shorts ${shortText(short ?? 0)} ${unit}`);
  }
}
