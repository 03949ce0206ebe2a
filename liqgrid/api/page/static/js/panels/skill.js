/** How much the model knew of the liquidations that followed, and what that number means. */

import { make } from "../dom.js";
import { moment } from "../format.js";
import { INTERVAL_NAMES } from "../intervals.js";
import { card, fact, facts } from "./parts.js";

/** @param {any[]} skills one for each instrument and interval */
export function skillPanel(skills) {
  if (skills.length === 0) {
    return card("skill", "Skill", "Not measured: too few realised liquidations are stored here to hold the map against.");
  }
  const best = skills[0];
  const rows = skills.slice(0, 6).map((one) =>
    fact(`${one.symbol} ${INTERVAL_NAMES[/** @type {"H1"} */ (one.interval)]}`,
      `${one.mean.toFixed(3)}  (longs ${one.long.toFixed(2)}, shorts ${one.short.toFixed(2)})`, { value: one.mean }),
  );
  return card(
    "skill", "Skill", meaning(best.mean), facts(...rows),
    make("p", { class: "note", text:
      `Rank correlation of predicted with realised liquidations beyond what move × turnover of a price chart already says; 0 knows nothing more, 1 orders all right. Over ${best.longBars} and ${best.shortBars} bars, ${moment(Date.parse(best.start))} to ${moment(Date.parse(best.end))}.` }),
  );
}

/** @param {number} mean */
function meaning(mean) {
  if (mean < 0.1) return "Here the map knew hardly more than a price chart. Read it as decoration.";
  if (mean < 0.3) return "Here the map knew something beyond a price chart, not much.";
  return "Here the map knew clearly more than a price chart: bright levels were where more was liquidated.";
}
