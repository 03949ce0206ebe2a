/** What levels, funding and open interest say of the moment, in sentences. */

import { make } from "../dom.js";
import { percent, price, short, sideName, signed } from "../format.js";
import { card } from "./parts.js";

const TRENDS = { RISING: "rising", FALLING: "falling", FLAT: "flat" };
const trend = (/** @type {string | null} */ one) => (one ? TRENDS[/** @type {keyof typeof TRENDS} */ (one)] : "trend unknown");

/** @param {any} signals what `signals` answered */
export function signalsPanel({ heavier, magnets, funding, openInterest, agree, squeeze }) {
  const lines = [
    heavier.side
      ? `${sideName(heavier.side)}s are heavier within ${percent(heavier.within, 0)}: ${short(heavier.long)} of longs against ${short(heavier.short)} of shorts.`
      : `Both sides weigh the same within ${percent(heavier.within, 0)}.`,
    ...magnets.map((/** @type {any} */ magnet) =>
      `${sideName(magnet.side)} magnet at ${price(magnet.peakPrice)}, ${signed(magnet.side === "LONG" ? -magnet.distance : magnet.distance)}: ${short(magnet.notional)}.`),
    funding
      ? `Funding ${signed(funding.day, 3)} in 24 hours, ${trend(funding.trend)}${funding.paying ? `; ${sideName(funding.paying).toLowerCase()}s pay for being many` : ""}.`
      : "Funding unknown.",
    openInterest
      ? `Open interest ${openInterest.change === null ? "change unknown" : `${signed(openInterest.change)} in 24 hours`}, ${trend(openInterest.trend)}.`
      : "Open interest unknown.",
    agree === null ? null : agree ? "They agree: the heavier side pays, and grows." : "They do not agree.",
    squeeze
      ? `A move against the ${sideName(squeeze.side).toLowerCase()}s would close ${short(squeeze.notional)} by force.`
      : null,
  ];
  return card(
    "signals", "Signals", "Descriptions of the moment, no advice.",
    make("ul", { class: "lines" }, ...lines.filter(Boolean).map((text) => make("li", { text }))),
  );
}
