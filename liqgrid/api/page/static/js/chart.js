/** The chart: the library's axes, candles and crosshair, our map under them, and the view as times and prices. */

import { HeatmapLayer } from "./layers/heatmap.js";
import { HighlightLayer } from "./layers/highlight.js";
import { MarksLayer } from "./layers/marks.js";
import { ProfileLayer } from "./layers/profile.js";
import { WatermarkLayer } from "./layers/watermark.js";
import { price as priceText } from "./format.js";
import { Panes } from "./panes.js";
import { chartColours } from "./theme.js";

/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./state.js").Window} Window */

const library = /** @type {any} */ (globalThis).LightweightCharts;
const LOGARITHMIC = 1;
const NORMAL_CROSSHAIR = 0;
const MAP_PANE = 0;
const AXIS = 72; // pixels of the price axis, enough for most prices, so that it does not move

const seconds = (/** @type {number} */ ms) => ms / 1000;

export class Chart {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    const colours = chartColours();
    this.heatmap = new HeatmapLayer();
    this.profile = new ProfileLayer(colours);
    this.marks = new MarksLayer(colours);
    this.highlight = new HighlightLayer();
    this.watermark = new WatermarkLayer();
    /** @type {Grid | null} */
    this.grid = null;
    /** @type {any} */
    this.priceLine = null;
    this.past = false;
    this.drawn = 0; // columns the candles have
    /** @type {Window | null} a view that is set, and not yet drawn */
    this.coming = null;
    this.swapped = () => {}; // called when data or the view changed, and the crosshair is hidden or elsewhere
    this.chart = library.createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, panes: { enableResize: true } },
      grid: { vertLines: { visible: false }, horzLines: { visible: false } },
      crosshair: { mode: NORMAL_CROSSHAIR },
      rightPriceScale: { mode: LOGARITHMIC, autoScale: false, scaleMargins: { top: 0, bottom: 0 }, minimumWidth: AXIS },
      timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05, lockVisibleTimeRangeOnResize: true },
      handleScroll: { vertTouchDrag: false },
      handleScale: { axisDoubleClickReset: { time: false, price: false } },
      kineticScroll: { mouse: false, touch: true },
      localization: { locale: "en-GB" },
    });
    this._addSeries();
    this.recolour();
    this.fit();
    new ResizeObserver(() => this.fit()).observe(element);
  }

  _addSeries() {
    this.candles = this.chart.addSeries(
      library.CandlestickSeries, { priceLineVisible: false, lastValueVisible: false }, MAP_PANE,
    );
    this._reach(1, 2); // as long as a range is given the library makes none of its own
    for (const layer of [this.heatmap, this.watermark, this.marks, this.highlight, this.profile]) {
      this.candles.attachPrimitive(layer);
    }
    this.panes = new Panes(this.chart, AXIS);
  }

  /** Take the colours of the theme that is on. */
  recolour() {
    const colours = chartColours();
    this.colours = colours;
    this.profile.colours = colours;
    this.marks.colours = colours;
    this.chart.applyOptions({
      layout: {
        background: { type: "solid", color: colours.background },
        textColor: colours.ink,
        fontFamily: colours.font,
        panes: { separatorColor: colours.line, separatorHoverColor: colours.line },
      },
      rightPriceScale: { borderColor: colours.line },
      timeScale: { borderColor: colours.line },
    });
    this.candles.applyOptions({
      upColor: colours.rise, downColor: colours.fall, wickUpColor: colours.rise, wickDownColor: colours.fall,
      borderVisible: false,
    });
    this.priceLine?.applyOptions({ color: colours.accent });
    this.panes.recolour(colours);
  }

  /** What the panes show; undefined until it came. */
  get series() {
    return this.panes.series;
  }

  /** Fit what depends on the width: the room of the profile, and how high the panes are. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    this.profile.width = Math.round(Math.min(Math.max(width * 0.12, 58), 150));
    this.watermark.margin = this.profile.width;
    const small = Math.max(Math.min(height * 0.115, 92), 54);
    const below = this.panes.heights(small);
    const factors = [Math.max(height - below.reduce((a, b) => a + b) - 26, 120), ...below];
    this.chart.panes().forEach((/** @type {any} */ pane, /** @type {number} */ i) => pane.setStretchFactor(factors[i]));
  }

  /**
   * Take a raster and its grid; the view stays where it is unless `view` is given.
   * @param {import("./raster.js").Raster} raster
   * @param {Window | null} view null for all of the grid
   */
  show(raster, view) {
    const { grid } = raster;
    this.grid = grid;
    this.heatmap.raster = raster;
    for (const layer of [this.profile, this.marks, this.highlight]) layer.grid = grid;
    const top = grid.bars[grid.newest]?.price ?? grid.high;
    this.candles.applyOptions({ priceFormat: { type: "custom", formatter: priceText, minMove: 10 ** (Math.floor(Math.log10(top)) - 6) } });
    this._drawAll();
    this.look(view ?? this.wholeView());
  }

  /**
   * Say whether the grid ends before the newest column: then its last price is nobody's.
   * @param {boolean} past
   */
  showsPast(past) {
    this.past = past;
  }

  /** Mark the price that sides are held against, which is not always that of the last trade. */
  _tellPrice() {
    const grid = /** @type {Grid} */ (this.grid);
    const price = grid.bars[grid.newest]?.price;
    if (price === undefined) return;
    this.priceLine ??= this.candles.createPriceLine({ price, color: this.colours?.accent, lineWidth: 1, lineStyle: 2, title: "" });
    this.priceLine.applyOptions({ price, lineVisible: !this.past, axisLabelVisible: !this.past });
  }

  /** @param {number} slot */
  _candle(slot) {
    const grid = /** @type {Grid} */ (this.grid);
    const bar = grid.bars[slot];
    const time = seconds(grid.closeOf(slot));
    return bar && Number.isFinite(bar.open) ? { time, open: bar.open, high: bar.high, low: bar.low, close: bar.close } : { time };
  }

  /**
   * Draw the columns from a slot on, which came or changed; the view follows the newest if it was at the edge.
   * @param {number} from
   */
  extend(from) {
    const grid = /** @type {Grid} */ (this.grid);
    if (from < this.drawn - 1) {
      this.reset(this.followedView());
      return;
    }
    this._hideCrosshair();
    for (let slot = from; slot < grid.count; slot++) this.candles.update(this._candle(slot));
    this.drawn = grid.count;
    this._tellPrice();
    this.heatmap.requestUpdate?.();
    this.swapped();
  }

  /**
   * Set everything anew where columns went.
   * @param {Window | null} view as it was before they went
   */
  reset(view) {
    this._drawAll();
    if (view) this.look(view);
    else this.swapped();
  }

  _drawAll() {
    const grid = /** @type {Grid} */ (this.grid);
    this._hideCrosshair();
    this.panes.draw(grid);
    // Emptied first: given the same times again while no other series has data, the library keeps the places of the data
    // before, and when others join it mixes the two up and never draws again.
    this.candles.setData([]);
    this.candles.setData(Array.from({ length: grid.count }, (_, slot) => this._candle(slot)));
    this.drawn = grid.count;
    this._tellPrice();
  }

  /**
   * Data that changes moves the library's time scale before its series know of it. Under a crosshair it then looks at a
   * series between two states, and never recovers (tradingview/lightweight-charts#2044). Who shows it shows it again.
   */
  _hideCrosshair() {
    this.chart.clearCrosshairPosition();
  }

  /** The times and prices of the whole grid, with room for the profile. */
  wholeView() {
    const grid = /** @type {Grid} */ (this.grid);
    const width = Math.max(this.chart.timeScale().width(), 200);
    const room = (grid.count * this.profile.width) / Math.max(width - this.profile.width, 50);
    const from = grid.firstMs - grid.stepMs / 2;
    return { from, to: grid.lastMs + (room + 0.5) * grid.stepMs, low: grid.low, high: grid.high };
  }

  /**
   * Return the times and prices in sight; times reach under the profile.
   * @returns {Window | null}
   */
  view() {
    if (this.coming) return this.coming;
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const prices = this.chart.priceScale("right", MAP_PANE).getVisibleRange();
    if (!range || !prices || !this.grid) return null;
    const at = (/** @type {number} */ slot) => /** @type {Grid} */ (this.grid).closeOf(slot);
    return { from: at(range.from), to: at(range.to), low: prices.from, high: prices.to };
  }

  /**
   * Return what is in sight once columns were added that are not drawn yet: it moves with the newest that was in sight, as
   * the library has it move where it is given one column after the other.
   * @returns {Window | null}
   */
  followedView() {
    const view = this.view();
    const grid = /** @type {Grid} */ (this.grid);
    if (!view || view.to < grid.closeOf(this.drawn - 1)) return view;
    const moved = (grid.count - this.drawn) * grid.stepMs;
    return { ...view, from: view.from + moved, to: view.to + moved };
  }

  /** @param {Window} view */
  look(view) {
    const grid = /** @type {Grid} */ (this.grid);
    const slot = (/** @type {number} */ ms) => (ms - grid.firstMs) / grid.stepMs;
    this.chart.timeScale().setVisibleLogicalRange({ from: slot(view.from), to: slot(view.to) });
    this._reach(view.low, view.high);
    this.coming = view; // the library takes times with its next frame
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.coming !== view) return;
      this.coming = null;
      this.swapped();
    }));
  }

  /**
   * Let the price axis reach over these prices. The library takes a range as it keeps it: on a logarithmic scale by its
   * formula below, which holds as long as it never scales by itself.
   * @param {number} low
   * @param {number} high
   */
  _reach(low, high) {
    const kept = (/** @type {number} */ price) => Math.log10(price + 1e-4) + 4;
    this.chart.priceScale("right", MAP_PANE).setVisibleRange({ from: kept(low), to: kept(high) });
  }

  /**
   * Show what was sampled, paid and liquidated, by the close of its column.
   * @param {import("./series.js").Series} series
   */
  showSeries(series) {
    const grid = /** @type {Grid} */ (this.grid);
    this._hideCrosshair();
    this.panes.show(series, grid);
    this.marks.show(series.marks, grid);
    this.element.dataset.marks = String(series.marks.length);
    this.fit();
    this.swapped();
  }

  /**
   * Write into the panes what they show, with the values under the crosshair.
   * @param {{closeMs?: number}} at
   */
  tellPanes(at) {
    this.panes.tell(at, this.grid?.unit ?? "");
  }
}
