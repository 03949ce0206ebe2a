/** What the map rests on, what it lacks, and how old it is. */

import { make } from "../dom.js";
import { duration, moment, percent } from "../format.js";
import { card, fact, facts } from "./parts.js";

/**
 * @param {any} coverage
 * @param {number} asOf   close of the newest column, epoch milliseconds
 * @param {number} stepMs length of a column
 */
export function coveragePanel(coverage, asOf, stepMs) {
  const stale = (Date.now() - asOf) / 1000;
  const late = stale > (2.5 * stepMs) / 1000;
  const venues = coverage.venues.map((/** @type {any} */ one) =>
    fact(one.symbol, `${percent(one.openInterestShare, 0)} of open interest${one.tiersAssumed ? ", margin tiers assumed" : ""}`),
  );
  const gaps = coverage.gaps;
  const lacks = [
    ...coverage.missing.map((/** @type {string} */ symbol) => `${symbol} is missing from the newest column.`),
    ...gaps.slice(0, 3).map((/** @type {any} */ gap) =>
      `${gap.symbol} has no ${gap.stream} from ${moment(Date.parse(gap.startsAt))} to ${moment(Date.parse(gap.endsAt))}.`),
    gaps.length > 3 ? `${gaps.length - 3} more gaps.` : null,
  ].filter(Boolean);
  return card(
    "coverage", "Coverage", late ? `The newest column is ${duration(stale)} old: this is the past.` : null,
    facts(
      fact("Newest column", `${moment(asOf)}, ${duration(stale)} ago`, { class: late ? "late" : "" }),
      fact("Modelled", `${percent(coverage.modelledShare, 0)} of open interest`, { value: coverage.modelledShare }),
      fact("Entry prices unknown", percent(coverage.unplacedShare, 2), { value: coverage.unplacedShare }),
      ...venues,
    ),
    lacks.length ? make("ul", { class: "lines" }, ...lacks.map((text) => make("li", { text }))) : null,
  );
}
