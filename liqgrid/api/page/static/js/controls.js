/** The controls: they show a state, and say what it becomes. */

import { GRADIENTS } from "./colour.js";
import { byId, make } from "./dom.js";
import { short } from "./format.js";
import { INTERVAL_NAMES, RANGE_MS } from "./intervals.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {{symbol: string, coin: string, instruments: any[]}} Pair */

const SIDES = { both: "Both", apart: "Apart", long: "Longs", short: "Shorts" };
const COLOURS = { log: "Log", linear: "Linear" };

export class Controls {
  /** @param {(change: Partial<State>) => void} changed */
  constructor(changed) {
    this.changed = changed;
    segments("range", Object.fromEntries(Object.keys(RANGE_MS).map((range) => [range, range])), (range) =>
      changed({ range: /** @type {any} */ (range), window: null }),
    );
    segments("side", SIDES, (side) => changed({ side: /** @type {any} */ (side) }));
    segments("colour", COLOURS, (colour) => changed({ colour: /** @type {any} */ (colour) }));
    byId("interval").append(option("auto", "auto"), ...Object.entries(INTERVAL_NAMES).map(([value, name]) => option(value, name)));
    byId("interval").addEventListener("change", () => changed({ interval: byId("interval").value }));
    byId("pair").addEventListener("change", () => changed({ pair: byId("pair").value, venues: [], window: null }));
    byId("sensitivity").addEventListener("input", () => changed({ sensitivity: Number(byId("sensitivity").value) }));
    byId("controls").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    byId("more").addEventListener("click", () => {
      const open = byId("more").getAttribute("aria-expanded") !== "true";
      byId("more").setAttribute("aria-expanded", String(open));
    });
    document.addEventListener("click", ({ target }) => {
      if (!byId("venues").contains(target)) byId("venues").open = false;
    });
    byId("venues").addEventListener("keydown", (/** @type {KeyboardEvent} */ { key }) => {
      if (key !== "Escape") return;
      byId("venues").open = false;
      byId("venues").querySelector("summary").focus();
    });
  }

  /**
   * Offer pairs, and coins that have several.
   * @param {Pair[]} pairs
   */
  offer(pairs) {
    const coins = [...new Set(pairs.map(({ coin }) => coin))];
    byId("pair").replaceChildren(
      group("Coins", coins.map((coin) => option(coin, `${coin}, all pairs`))),
      group("Pairs", pairs.map(({ symbol }) => option(symbol, symbol))),
    );
  }

  /**
   * Show a state.
   * @param {State} state
   * @param {string[]} venues all that can be chosen
   * @param {string[]} intervals those that are stored
   */
  show(state, venues, intervals) {
    byId("pair").value = state.pair;
    byId("interval").value = state.interval;
    for (const one of byId("interval").options) one.disabled = one.value !== "auto" && !intervals.includes(one.value);
    byId("sensitivity").value = state.sensitivity;
    for (const name of /** @type {const} */ (["range", "side", "colour"])) {
      for (const input of byId(name).querySelectorAll("input")) input.checked = input.value === state[name];
    }
    byId("venues-text").textContent = state.venues.length ? state.venues.join(", ") : "all";
    if (this.venues !== venues.join()) this._offerVenues(venues);
    for (const input of byId("venue-list").querySelectorAll("input")) {
      input.checked = state.venues.length === 0 || state.venues.includes(input.value);
    }
  }

  /** @param {string[]} venues */
  _offerVenues(venues) {
    this.venues = venues.join();
    const choose = () => {
      const chosen = [...byId("venue-list").querySelectorAll("input:checked")].map((input) => input.value);
      this.changed({ venues: chosen.length === venues.length ? [] : chosen });
    };
    const boxes = venues.map((venue) =>
      make("label", {}, make("input", { type: "checkbox", value: venue, onchange: choose }), venue),
    );
    byId("venue-list").replaceChildren(byId("venue-list").firstElementChild, ...boxes);
    byId("venues").hidden = venues.length < 2;
  }

  /**
   * Show which amounts the colours stand for.
   * @param {import("./colour.js").Scale} scale
   * @param {number} rowHeight
   * @param {State["side"]} side
   * @param {string} unit
   */
  tellScale(scale, rowHeight, side, unit) {
    const [low, high] = scale.ends(rowHeight);
    byId("legend-low").textContent = short(low);
    byId("legend-high").textContent = `${short(high)} ${unit}`;
    byId("legend-bar").style.background = `linear-gradient(to right, ${GRADIENTS[side === "apart" ? "both" : side]})`;
    if (side === "apart") {
      byId("legend-bar").style.background =
        `linear-gradient(to right, ${GRADIENTS.short}) top / 100% 50% no-repeat, linear-gradient(to right, ${GRADIENTS.long})`;
    }
    byId("sensitivity").setAttribute("aria-valuetext", `dark under ${short(low)} ${unit}`);
  }
}

/**
 * @param {string} id
 * @param {Record<string, string>} options
 * @param {(value: string) => void} chosen
 */
function segments(id, options, chosen) {
  const inputs = Object.entries(options).map(([value, name]) =>
    make("label", {}, make("input", { type: "radio", name: id, value, onchange: () => chosen(value) }), make("span", { text: name })),
  );
  byId(id).append(make("div", { class: "choices" }, ...inputs));
}

/**
 * @param {string} value
 * @param {string} name
 */
const option = (value, name) => make("option", { value, text: name });

/**
 * @param {string} label
 * @param {HTMLElement[]} options
 */
const group = (label, options) => make("optgroup", { label }, ...options);
