/** What stands beside the map: asked for with every newer column, and written anew. */

import { Refused, ask } from "./api.js";
import { byId } from "./dom.js";
import { price, sideName } from "./format.js";
import { INTERVAL_MS } from "./intervals.js";
import { clustersPanel } from "./panels/clusters.js";
import { coveragePanel } from "./panels/coverage.js";
import { exposurePanel } from "./panels/exposure.js";
import { card } from "./panels/parts.js";
import { signalsPanel } from "./panels/signals.js";
import { skillPanel } from "./panels/skill.js";
import { zoneKey, zonesPanel } from "./panels/zones.js";
import { MOMENT, WHY, skillOf } from "./queries.js";

/** @typedef {import("./state.js").State} State */

const TITLES = {
  exposure: "Exposure", clusters: "Top clusters", signals: "Signals", zones: "Stop zones", skill: "Skill", coverage: "Coverage",
};

export class Panels {
  /**
   * @param {object} listener
   * @param {(range: import("./layers/highlight.js").Range | null) => void} listener.framed what to frame on the map
   * @param {(moment: {price: number}) => void} listener.told  a newer moment is known
   */
  constructor(listener) {
    this.listener = listener;
    /** @type {any} */
    this.moment = null;
    this.subject = "";
    this.scored = "";
    /** @type {{kind: "cluster" | "zone", name: string} | null} */
    this.chosen = null;
    /** @type {Map<string, any>} */
    this.why = new Map();
    // Each has its place from the beginning, so that none pushes another away when it comes.
    byId("panels").append(...Object.entries(TITLES).map(([id, title]) => card(id, title, "…")));
    setInterval(() => this.grid && this.cover(this.grid), 15_000);
  }

  /**
   * Ask for the newest moment of a pair.
   * @param {State} state
   * @param {import("./intervals.js").Interval} interval
   */
  async ask({ pair, venues }, interval) {
    const asked = { pair, interval, venues: venues.length ? venues : null };
    const subject = JSON.stringify(asked);
    if (subject !== this.subject) {
      this.subject = subject;
      this.asked = asked;
      this.moment = null;
      this.chosen = null;
      this.listener.framed(null);
    }
    try {
      const moment = await ask(MOMENT, asked);
      if (subject !== this.subject) return;
      this.moment = moment;
      this.listener.told(moment.clusters);
      if (this.grid) this.cover(this.grid);
      this._write();
      if (this.chosen?.kind === "cluster") await this._askWhy();
    } catch (error) {
      if (subject === this.subject) this._fail(error);
    }
  }

  /** The past of clusters takes a while; it is looked into when one is chosen. */
  async _askWhy() {
    const { subject, moment } = this;
    if (moment.clusters.clusters.every((/** @type {any} */ { id }) => this.why.has(id)) && this.whyOf === moment) return;
    this.whyOf = moment;
    const { topClusters } = await ask(WHY, { .../** @type {object} */ (this.asked), at: moment.clusters.asOf });
    if (subject !== this.subject) return;
    this.why = new Map(topClusters.clusters.map((/** @type {any} */ one) => [one.id, one]));
    this._write();
  }

  /** @param {{kind: "cluster" | "zone", name: string} | null} chosen */
  _choose(chosen) {
    this.chosen = chosen;
    if (this.moment) this._write();
    if (chosen?.kind === "cluster") this._askWhy().catch((error) => this._fail(error));
  }

  _write() {
    const { clusters, exposure, signals, stopZones } = this.moment;
    const { chosen } = this;
    const cluster = chosen?.kind === "cluster" ? chosen.name : null;
    const zone = chosen?.kind === "zone" ? chosen.name : null;
    this._put(exposurePanel(exposure));
    this._put(clustersPanel(clusters.clusters, cluster, this.why, (name) => this._choose(name ? { kind: "cluster", name } : null)));
    this._put(signalsPanel(signals));
    this._put(zonesPanel(stopZones.zones, zone, (name) => this._choose(name ? { kind: "zone", name } : null)));
    this.listener.framed(this._frame(cluster, zone));
  }

  /**
   * @param {string | null} cluster
   * @param {string | null} zone
   */
  _frame(cluster, zone) {
    const { clusters, stopZones } = this.moment;
    const one = clusters.clusters.find((/** @type {any} */ { id }) => id === cluster);
    if (one) {
      const born = this.why.get(one.id)?.born;
      return { low: one.low, high: one.high, fromMs: born ? Date.parse(born) : null, label: `${sideName(one.side)} cluster ${price(one.peakPrice)}` };
    }
    const other = stopZones.zones.find((/** @type {any} */ found) => zoneKey(found) === zone);
    return other ? { low: other.low, high: other.high, fromMs: null, label: `Stop zone of ${sideName(other.side).toLowerCase()}s` } : null;
  }

  /** @param {string[]} pairs */
  async skill(pairs) {
    const subject = pairs.join();
    if (subject === this.scored) return;
    this.scored = subject;
    try {
      const found = await ask(skillOf(pairs));
      if (subject === this.scored) this._put(skillPanel(Object.values(found).flat()));
    } catch (error) {
      this.scored = "";
      this._fail(error);
    }
  }

  /** @param {import("./grid.js").Grid} grid */
  cover(grid) {
    this.grid = grid;
    const newest = this.moment && Date.parse(this.moment.clusters.asOf);
    const last = Math.max(grid.closeOf(grid.newest), newest ?? 0);
    const { coverage } = newest ? this.moment.clusters : grid.provenance;
    this._put(coveragePanel(coverage, last, INTERVAL_MS[grid.interval]));
  }

  /** @param {unknown} error */
  _fail(error) {
    if (!(error instanceof Refused)) throw error;
    if (!this.moment) this._put(card("exposure", TITLES.exposure, error.message));
  }

  /**
   * Put a card in its place; what had the focus in the one before has it again.
   * @param {HTMLElement} panel
   */
  _put(panel) {
    const old = byId(panel.id);
    if (old.isEqualNode(panel)) return;
    const focused = old.contains(document.activeElement)
      ? [...old.querySelectorAll("button")].indexOf(/** @type {any} */ (document.activeElement))
      : -1;
    old.replaceWith(panel);
    if (focused >= 0) panel.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }
}
