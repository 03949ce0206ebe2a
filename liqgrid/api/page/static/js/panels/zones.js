/** Price ranges near the price that are clear of dense clusters. */

import { make } from "../dom.js";
import { price, short, sideName, signed } from "../format.js";
import { card, kindOf } from "./parts.js";

/**
 * @param {any[]} zones
 * @param {string | null} chosen
 * @param {(key: string | null) => void} choose
 */
export function zonesPanel(zones, chosen, choose) {
  const items = zones.map((zone) => {
    const on = zoneKey(zone) === chosen;
    return make("li", {}, make(
      "button",
      { type: "button", class: `cluster ${kindOf(zone.side)}`, "aria-pressed": String(on), "data-value": zone.notional,
        onclick: () => choose(on ? null : zoneKey(zone)) },
      make("span", { class: "side", text: sideName(zone.side) }),
      make("span", { class: "peak", text: `${price(zone.low)} – ${price(zone.high)}` }),
      make("span", { class: "away", text: signed(zone.side === "LONG" ? -zone.distance : zone.distance) }),
      make("span", { class: "amount", text: `${short(zone.before)} first` }),
    ));
  });
  return card(
    "zones", "Stop zones",
    zones.length ? "Clear of dense clusters: a stop there is not in the crowd. “First” is what is liquidated on the way." : "No price range near here is clear of dense clusters.",
    make("ol", { class: "clusters zones" }, ...items),
  );
}

/** @param {{side: string, low: number}} zone */
export const zoneKey = ({ side, low }) => `${side}:${low}`;
