/** The densest price ranges; one that is chosen is framed on the map, and says what it is made of. */

import { make } from "../dom.js";
import { duration, moment, percent, price, short, sideName, signed } from "../format.js";
import { bar, card, kindOf } from "./parts.js";

/** @typedef {{id: string, side: "LONG" | "SHORT", low: number, high: number, peakPrice: number, notional: number, distance: number, share: number}} Cluster */

/**
 * @param {Cluster[]} clusters
 * @param {string | null} chosen id of the one that is framed
 * @param {Map<string, any>} why what is known of clusters, by id
 * @param {(id: string | null) => void} choose
 */
export function clustersPanel(clusters, chosen, why, choose) {
  const most = Math.max(...clusters.map(({ notional }) => notional), 1);
  const items = clusters.map((cluster) => {
    const on = cluster.id === chosen;
    const away = cluster.side === "LONG" ? -cluster.distance : cluster.distance;
    const button = make(
      "button",
      { type: "button", class: `cluster ${kindOf(cluster.side)}`, "aria-expanded": String(on), "data-id": cluster.id,
        "data-value": cluster.notional, onclick: () => choose(on ? null : cluster.id) },
      make("span", { class: "side", text: sideName(cluster.side) }),
      make("span", { class: "peak", text: price(cluster.peakPrice) }),
      make("span", { class: "away", text: signed(away) }),
      make("span", { class: "amount", text: short(cluster.notional) }),
      bar(cluster.notional / most, kindOf(cluster.side)),
    );
    return make("li", {}, button, on ? details(cluster, why.get(cluster.id)) : null);
  });
  return card(
    "clusters", "Top clusters", clusters.length ? "Within 10 % of the price. Choose one to see it on the map." : "None within 10 % of the price.",
    make("ol", { class: "clusters" }, ...items),
  );
}

/**
 * @param {Cluster} cluster
 * @param {any} known
 */
function details(cluster, known) {
  const reach = `${price(cluster.low)} to ${price(cluster.high)}, ${percent(cluster.share)} of the side`;
  if (!known) return make("div", { class: "why" }, make("p", { text: reach }), make("p", { class: "note", text: "looking into its past…" }));
  const born = known.born ? `born ${moment(Date.parse(known.born))}` : known.bornBefore ? `there before ${moment(Date.parse(known.bornBefore))}` : "";
  const { composition } = known;
  return make(
    "div", { class: "why" },
    make("p", { text: reach }),
    make("p", { text: `${born}; at most ${short(known.peak.notional)}; the price took ${percent(known.swept, 0)} of it since` }),
    parts("Leverage", composition.leverage, (part) => `${part.leverage}x`),
    parts("Age", composition.age, ageName),
    parts("Venue", composition.venues, (part) => part.symbol),
  );
}

/** @param {{youngerThan: number | null, olderThan: number | null}} part */
function ageName({ youngerThan, olderThan }) {
  if (!olderThan) return `under ${duration(youngerThan ?? 0)}`;
  return youngerThan ? `${duration(olderThan)} to ${duration(youngerThan)}` : `over ${duration(olderThan)}`;
}

/**
 * @param {string} title
 * @param {any[]} list
 * @param {(part: any) => string} name
 */
function parts(title, list, name) {
  const rows = list.filter(({ share }) => share >= 0.005).map((part) =>
    make("li", {}, make("span", { text: name(part) }), bar(part.share, "plain"), make("span", { class: "amount", text: percent(part.share, 0) })),
  );
  return make("div", { class: "parts" }, make("h3", { text: title }), make("ul", {}, ...rows));
}
