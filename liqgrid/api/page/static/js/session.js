/** One pair on the chart: loaded, drawn, followed, and loaded finer where one looks closer. */

import { Refused } from "./api.js";
import { Scale } from "./colour.js";
import { follow } from "./live.js";
import { isPoor, loadGrid } from "./loader.js";
import { Raster } from "./raster.js";
import { loadSeries, merge } from "./series.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./grid.js").Grid} Grid */

const SETTLED_MS = 160;
const REFRESH_MS = 4000;

/**
 * @typedef {object} Listener
 * @property {(grid: Grid) => void} drawn    a grid, or a newer column of it, is drawn
 * @property {() => void} moment             what stands beside the map is out of date
 * @property {(window: import("./state.js").Window | null) => void} window  one looks elsewhere
 * @property {(error: unknown) => void} refused
 * @property {(state: "connecting" | "live" | "past" | "lost") => void} live
 */

export class Session {
  /**
   * @param {import("./chart.js").Chart} chart
   * @param {Listener} listener
   */
  constructor(chart, listener) {
    this.chart = chart;
    this.listener = listener;
    /** @type {Grid | null} */
    this.grid = null;
    /** @type {import("./intervals.js").Stored[]} */
    this.stored = [];
    /** @type {State | null} */
    this.state = null;
    /** @type {import("./colour.js").Reference | null} */
    this.reference = null;
    /** @type {Scale | null} */
    this.scale = null;
    this.measured = ""; // of what the reference is
    this.stop = () => {};
    /** @type {AbortController | undefined} while a grid is on its way */
    this.loading = undefined;
    /** @type {AbortController | undefined} of the grid that is shown, for what comes after it */
    this.following = undefined;
    this.pressed = false;
    for (const name of ["wheel", "keyup", "touchend", "dblclick"]) {
      chart.element.addEventListener(name, () => this._moved(), { passive: true, capture: true });
    }
    chart.element.addEventListener("pointerdown", () => {
      this.pressed = true;
      clearTimeout(this.settling);
      this.settling = undefined;
    });
    // A pointer that was pressed on the map may be let go anywhere; a map that was thrown goes on for a while.
    for (const name of ["pointerup", "pointercancel"]) {
      addEventListener(name, () => {
        if (this.pressed) this._moved();
        this.pressed = false;
      });
    }
    chart.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
      if (this.settling !== undefined) this._moved();
    });
  }

  /**
   * Show a state from the beginning.
   * @param {State} state
   * @param {import("./intervals.js").Stored[]} stored
   * @param {string[]} venues those that are summed
   * @param {string} clock     the pair whose columns tell that there are newer ones
   */
  async open(state, stored, venues, clock) {
    this.state = state;
    this.stored = stored;
    this.venues = venues;
    this.clock = clock;
    this.whole = state.window === null;
    await this._load(state.window);
  }

  /** @param {import("./state.js").Window | null} view */
  async _load(view) {
    this.loading?.abort();
    this.following?.abort();
    const loading = new AbortController();
    [this.loading, this.following] = [loading, loading];
    this.chart.element.setAttribute("aria-busy", "true");
    try {
      const state = /** @type {State} */ (this.state);
      const subject = JSON.stringify([state.pair, state.venues, state.range]);
      const { grid, reference } = await loadGrid(state, this.stored, subject !== this.measured, loading.signal);
      if (loading.signal.aborted) return;
      if (reference) [this.reference, this.measured] = [reference, subject];
      this._take(grid, view, loading.signal);
    } catch (error) {
      if (!loading.signal.aborted) this.listener.refused(error);
    } finally {
      if (this.loading === loading) {
        this.loading = undefined;
        this.chart.element.removeAttribute("aria-busy");
      }
    }
  }

  /**
   * @param {Grid} grid
   * @param {import("./state.js").Window | null} view
   * @param {AbortSignal} signal
   */
  _take(grid, view, signal) {
    const state = /** @type {State} */ (this.state);
    this.stop();
    this.grid = grid;
    delete this.chart.element.dataset.marks;
    this.raster = new Raster(grid, this._scale(), state.side);
    this.chart.profile.side = state.side;
    // While it loaded one may have gone on looking around.
    const now = view && this.chart.grid ? this.chart.view() : null;
    this.columns = grid.count;
    this._follow();
    this.chart.showsPast(!this.present);
    this.chart.show(this.raster, this.moving && now ? now : view);
    this.moving = false;
    if (this.settling === undefined) this.shown = this.chart.view();
    this._tellView();
    this.listener.drawn(grid);
    performance.mark("liqgrid-drawn");
    this.listener.moment();
    loadSeries(state, this.venues ?? [], grid, 0, signal)
      .then((series) => {
        if (this.grid === grid) this.chart.showSeries(series);
      })
      .catch((error) => {
        if (!signal.aborted) this.listener.refused(error);
      });
  }

  _scale() {
    const { sensitivity, colour } = /** @type {State} */ (this.state);
    this.scale = new Scale(/** @type {import("./colour.js").Reference} */ (this.reference), sensitivity, colour);
    return this.scale;
  }

  /**
   * Draw what is loaded in other colours.
   * @param {State} state
   */
  recolour(state) {
    this.state = { ...state, window: this.state?.window ?? null };
    this.raster?.recolour(this._scale(), state.side);
    this.chart.profile.side = state.side;
    this.chart.heatmap.requestUpdate?.();
  }

  _follow() {
    const grid = /** @type {Grid} */ (this.grid);
    const newest = this.stored.find(({ interval }) => interval === grid.interval)?.last ?? grid.lastMs;
    const present = grid.lastMs >= newest;
    this.present = present;
    const state = /** @type {State} */ (this.state);
    this.stop = follow(state, this.clock ?? state.pair, grid, {
      changed: (from) => this._changed(from),
      beyond: (newestMs) => {
        for (const one of this.stored) if (one.interval === grid.interval) one.last = Math.max(one.last, newestMs);
        if (present) this._load(this.whole ? null : this.chart.view());
        this.listener.live(present ? "live" : "past");
        this._refresh();
      },
      refused: (code, message) => {
        if (code === "CURSOR_TOO_OLD") this._load(this.whole ? null : this.chart.view());
        else this.listener.refused(new Refused(code, message));
      },
      state: (how) => this.listener.live(how === "live" && !present ? "past" : how),
    });
  }

  /** @param {number} from */
  _changed(from) {
    const grid = /** @type {Grid} */ (this.grid);
    const raster = /** @type {Raster} */ (this.raster);
    const bar = grid.bars[grid.newest];
    const most = Math.max(1.25 * (this.columns ?? 0), (this.columns ?? 0) + 40);
    const at = Math.log((bar?.price ?? grid.low) / grid.low) / Math.log(grid.high / grid.low);
    if (this.whole && (at < 0.04 || at > 0.96)) {
      this._load(null);
      return;
    }
    for (const one of this.stored) if (one.interval === grid.interval) one.last = Math.max(one.last, grid.lastMs);
    if (grid.count > most) {
      const view = this.chart.followedView();
      grid.dropOldest(grid.count - (this.columns ?? 0));
      raster.paint(0);
      this.chart.reset(view);
    } else {
      raster.paint(from);
      this.chart.extend(from);
    }
    this._tellView();
    this.listener.drawn(grid);
    this._refresh();
  }

  /** What changes with a column but is not in it is asked for after it, not with every one of a burst. */
  _refresh() {
    if (this.refreshing) return;
    const wait = Math.max((this.refreshed ?? 0) + REFRESH_MS - Date.now(), 0);
    this.refreshing = setTimeout(async () => {
      this.refreshing = undefined;
      this.refreshed = Date.now();
      this.listener.moment();
      const { grid } = this;
      const { series } = this.chart;
      if (!grid || !series) return;
      const known = Math.max(...series.interest.keys(), grid.firstMs);
      const from = Math.max(Math.min(grid.slotOf(known), grid.count - 1) - 1, 0);
      try {
        const newer = await loadSeries(/** @type {State} */ (this.state), this.venues ?? [], grid, from);
        if (this.grid !== grid || this.chart.series !== series) return;
        merge(series, newer, grid);
        this.chart.showSeries(series);
      } catch (error) {
        // While the connection is lost the next column that comes asks again.
        if (!(error instanceof Refused && error.code === "UNREACHABLE")) this.listener.refused(error);
      }
    }, wait);
  }

  /** Somebody moved the map: when it rests, the address says where, and more detail is fetched. */
  _moved() {
    clearTimeout(this.settling);
    this.chart.element.setAttribute("aria-busy", "true");
    this.settling = setTimeout(() => this._settled(), SETTLED_MS);
  }

  _settled() {
    this.settling = undefined;
    const view = this.chart.view();
    const { grid, state } = this;
    if (!view || !grid || !state) return;
    if (!this.loading) this.chart.element.removeAttribute("aria-busy");
    if (this._isShown(view)) return;
    this.whole = false;
    this.moving = true;
    this.shown = view;
    this.state = { ...state, window: view };
    this.listener.window(view);
    this._tellView();
    if (isPoor(grid, view, this.state, this.stored)) this._load(view);
  }

  /**
   * Tell whether a view is the one that was shown, to a hair.
   * @param {import("./state.js").Window} view
   */
  _isShown(view) {
    const { shown } = this;
    if (!shown) return false;
    const hair = (view.to - view.from) / 2000;
    const price = Math.log(view.high / view.low) / 2000;
    return (
      Math.abs(view.from - shown.from) < hair && Math.abs(view.to - shown.to) < hair &&
      Math.abs(Math.log(view.low / shown.low)) < price && Math.abs(Math.log(view.high / shown.high)) < price
    );
  }

  /** Leave on the element what is shown once it is, for programs that look at the page. */
  _tellView() {
    if (!this.telling) this.telling = requestAnimationFrame(() => requestAnimationFrame(() => this._tell()));
  }

  _tell() {
    this.telling = 0;
    const grid = /** @type {Grid} */ (this.grid);
    const view = this.chart.view();
    if (this.settling === undefined) this.shown = view;
    Object.assign(this.chart.element.dataset, {
      unit: grid.unit, interval: grid.interval, columns: grid.count, rows: grid.rows, first: grid.firstMs, last: grid.lastMs,
      from: view?.from, to: view?.to, low: view?.low, high: view?.high, gridLow: grid.low, gridHigh: grid.high,
    });
  }
}
