/** How much of each side is how near. */

import { make } from "../dom.js";
import { percent, price, short, sideName } from "../format.js";
import { bar, card, fact, facts } from "./parts.js";

/** @param {any} exposure what `exposure` answered */
export function exposurePanel({ bands, percentiles, long, short: shorts, heavier }) {
  const most = Math.max(...bands.map((/** @type {any} */ band) => Math.max(band.long, band.short)), 1);
  const rows = bands.map((/** @type {any} */ band) =>
    make(
      "tr", {},
      make("td", { class: "mirror", "data-value": band.long }, bar(band.long / most, "long"), make("span", { text: short(band.long) })),
      make("th", { scope: "row", text: `± ${percent(band.within, 0)}` }),
      make("td", { "data-value": band.short }, bar(band.short / most, "short"), make("span", { text: short(band.short) })),
    ),
  );
  const table = make(
    "table", { class: "bands" },
    make("caption", { class: "visually-hidden", text: "Notional of each side within a distance of the price" }),
    make("thead", {}, make("tr", {},
      make("th", { scope: "col", class: "mirror", text: "Longs, below" }),
      make("th", { scope: "col", text: "within" }),
      make("th", { scope: "col", text: "Shorts, above" }))),
    make("tbody", {}, ...rows),
  );
  const middle = percentiles?.find((/** @type {any} */ band) => band.within === 0.05) ?? percentiles?.[0];
  return card(
    "exposure", "Exposure", heavier ? `${sideName(heavier)}s are heavier nearby.` : "Neither side is heavier nearby.",
    table,
    facts(
      long.maxPainPrice === null ? null : fact("Longs' max pain", price(long.maxPainPrice)),
      shorts.maxPainPrice === null ? null : fact("Shorts' max pain", price(shorts.maxPainPrice)),
      middle ? fact(`Against 90 days, ± ${percent(middle.within, 0)}`,
        `more than ${middle.long.toFixed(0)} % (longs), ${middle.short.toFixed(0)} % (shorts)`) : null,
    ),
  );
}
