/** The page: what the address says is loaded, drawn and followed. */

import { ask, key, keepKey } from "./api.js";
import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { byId } from "./dom.js";
import { price as priceText } from "./format.js";
import { INTERVAL_NAMES, defaultRange, storedTogether } from "./intervals.js";
import { Panels } from "./panels.js";
import { Crosshair } from "./pointer.js";
import { CATALOG } from "./queries.js";
import { writeNewest, writeReadout } from "./readout.js";
import { Session } from "./session.js";
import { fromAddress, toAddress } from "./state.js";
import { startTheme } from "./theme_switch.js";

/** @typedef {import("./state.js").State} State */

let state = fromAddress(location.search);
/** @type {any[]} */
let pairs = [];

const chart = new Chart(byId("chart"));
const controls = new Controls(change);
const panels = new Panels({
  framed: (range) => chart.highlight.show(range),
  told: ({ price }) => {
    if (!session.present) byId("price").textContent = priceText(price);
  },
});
const session = new Session(chart, {
  drawn: (grid) => {
    tellScale();
    tellNewest();
    panels.cover(grid);
  },
  moment: () => panels.ask(state, /** @type {any} */ (session.grid).interval),
  window: (window) => {
    state = { ...state, window };
    byId("whole").hidden = window === null;
    history.replaceState(null, "", toAddress(state) || location.pathname);
  },
  refused,
  live: tellLive,
});
const crosshair = new Crosshair(chart, { moved: read, whole });
startTheme(() => chart.recolour());
byId("whole").addEventListener("click", whole);
byId("chart").addEventListener("dblclick", whole);
addEventListener("popstate", () => {
  state = fromAddress(location.search);
  open();
});
byId("key-button").addEventListener("click", () => askKey());
byId("forget").addEventListener("click", () => {
  byId("key").value = "";
  byId("key-dialog").close("use");
});
byId("key-dialog").addEventListener("close", () => {
  if (byId("key-dialog").returnValue !== "use") return;
  keepKey(byId("key").value.trim());
  byId("key-dialog").returnValue = "";
  start();
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;

/**
 * Start anew in a while, once.
 * @param {number} ms
 */
function startIn(ms) {
  clearTimeout(again);
  again = setTimeout(start, ms);
}

/** Ask what is stored, then show what the address names. */
async function start() {
  try {
    const { status, pairs: stored } = await ask(CATALOG);
    pairs = stored.edges.map((/** @type {any} */ { node }) => node);
    simulated(status.simulated);
    byId("provenance").textContent = `liqgrid ${status.version}`;
    controls.offer(pairs);
    await open();
  } catch (error) {
    refused(error);
  }
}

/** Show the state, whole. */
async function open() {
  clearTimeout(again);
  const built = pairs.filter(({ instruments }) => instruments.some((/** @type {any} */ one) => one.grids.length));
  const known = (/** @type {string} */ name) => pairs.some(({ symbol, coin }) => name === symbol || name === coin);
  if (!state.pair || !known(state.pair)) state = { ...state, pair: largest(built)?.symbol ?? pairs[0]?.symbol ?? "" };
  if (!built.length) {
    notice("No grid is built yet. It appears here when one is.");
    startIn(2000);
    return;
  }
  const meant = pairs.filter(({ symbol, coin }) => state.pair === symbol || state.pair === coin);
  const instruments = meant.flatMap((pair) => pair.instruments);
  const venues = [...new Set(instruments.map(({ venue }) => venue))];
  state = { ...state, venues: state.venues.filter((venue) => venues.includes(venue)) };
  const stored = storedTogether(instruments.filter(({ venue }) => !state.venues.length || state.venues.includes(venue)));
  if (!state.range) state = { ...state, range: defaultRange(stored) };
  controls.show(state, venues, stored.map(({ interval }) => interval));
  byId("whole").hidden = state.window === null;
  document.title = `${state.pair} liquidation heatmap, liqgrid`;
  if (!stored.length) {
    notice(`${state.pair} is not built yet. It appears here when it is.`);
    startIn(2000);
    return;
  }
  const clock = largest(meant)?.symbol ?? state.pair;
  await session.open(state, stored, state.venues.length ? state.venues : venues, clock);
  panels.skill(meant.map(({ symbol }) => symbol));
}

/**
 * Return the pair with the longest grid, bitcoin before others.
 * @param {any[]} built
 */
function largest(built) {
  const columns = (/** @type {any} */ { instruments }) =>
    Math.max(0, ...instruments.flatMap((/** @type {any} */ one) => one.grids.map((/** @type {any} */ grid) => grid.columns)));
  return built.find(({ symbol }) => symbol === "BTC-USDT") ?? built.toSorted((a, b) => columns(b) - columns(a))[0];
}

/** @param {Partial<State>} asked */
function change(asked) {
  const before = state;
  state = { ...state, ...asked };
  if (state.pair !== before.pair) state = { ...state, range: "", interval: "auto" };
  const address = toAddress(state) || location.pathname;
  const sliding = asked.sensitivity !== undefined;
  if (sliding) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  const onlyColours = Object.keys(asked).every((name) => ["side", "colour", "sensitivity"].includes(name));
  if (!onlyColours || !session.grid) {
    open();
    return;
  }
  session.recolour(state);
  tellScale();
}

function tellScale() {
  const { scale, grid } = session;
  if (scale && grid) controls.tellScale(scale, grid.rowHeight, state.side, grid.unit);
}

function whole() {
  change({ window: null });
}

/**
 * @param {import("./readout.js").Place | null} place
 * @param {boolean} byKey
 */
function read(place, byKey) {
  const { grid } = session;
  if (!grid) return;
  chart.tellPanes(place ? { closeMs: grid.closeOf(place.slot) } : {});
  const said = place ? writeReadout(grid, place) : writeNewest(grid, INTERVAL_NAMES[grid.interval]);
  if (byKey && typeof said === "string") byId("spoken").textContent = said;
}

function tellNewest() {
  const grid = /** @type {import("./grid.js").Grid} */ (session.grid);
  const bar = grid.bars[grid.newest];
  if (session.present) byId("price").textContent = bar ? priceText(bar.price) : "–";
  byId("notice").hidden = true;
  if (!crosshair.place) writeNewest(grid, INTERVAL_NAMES[grid.interval]);
  const { model } = grid.provenance;
  byId("provenance").textContent = `liqgrid model ${model.version}, parameters ${model.parametersHash}`;
}

/** @param {"connecting" | "live" | "past" | "lost"} how */
function tellLive(how) {
  const words = { connecting: "connecting", live: "live", past: "live; the map shows the past", lost: "connection lost, trying again" };
  byId("live").dataset.state = how;
  byId("live").textContent = words[how];
}

/** @param {boolean} on */
function simulated(on) {
  byId("simulated").hidden = !on;
  chart.watermark.on = on;
}

/** @param {any} error */
function refused(error) {
  if (error.name === "AbortError") return;
  if (error.code === "UNAUTHORISED" || error.code === "FORBIDDEN") {
    askKey();
    notice(error.message);
  } else if (error.code === "UNREACHABLE") {
    tellLive("lost");
    notice("The server does not answer. Trying again.");
    startIn(3000);
  } else if (error.code) {
    notice(error.message);
  } else {
    notice("Something went wrong in this page; the browser's console says what.");
    throw error;
  }
}

/** @param {string} text */
function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
}

function askKey() {
  byId("key").value = key();
  if (!byId("key-dialog").open) byId("key-dialog").showModal();
}

start();
