/** Columns as they are built, put into the grid that is shown. */

import { COLUMNS } from "./queries.js";
import { Subscription } from "./socket.js";
import { unpack } from "./packed.js";

/** @typedef {import("./grid.js").Grid} Grid */

/**
 * @typedef {object} Follower
 * @property {(from: number) => void} changed    columns from a slot on came or changed
 * @property {(newestMs: number) => void} beyond  a column was built that this grid does not reach
 * @property {(code: string, message: string) => void} refused
 * @property {(state: "connecting" | "live" | "lost") => void} state
 */

/**
 * Follow a grid; call the result to stop.
 * @param {{pair: string, venues: string[]}} asked
 * @param {Grid} grid
 * @param {Follower} follower
 * @returns {() => void}
 */
export function follow({ pair, venues }, grid, follower) {
  /** @type {string | null} */
  let cursor = null;
  let changedFrom = Infinity;
  let frame = 0;
  const show = () => {
    frame = 0;
    const from = changedFrom;
    changedFrom = Infinity;
    if (from < Infinity) follower.changed(from);
  };
  const subscription = new Subscription({
    question: () => ({
      query: COLUMNS,
      variables: {
        pair, interval: grid.interval, after: cursor, venues: venues.length ? venues : null,
        low: grid.low, high: grid.high, rows: grid.rows,
      },
    }),
    next({ gridColumn: event }) {
      cursor = event.cursor;
      const closeMs = Date.parse(event.closeTime);
      const slot = grid.slotOf(closeMs);
      if (slot < 0) return;
      if (event.replaces) {
        grid.dropFrom(closeMs);
        changedFrom = Math.min(changedFrom, slot);
      }
      // Columns between were built before this stream began, or the grid shows the past.
      const adjoins = slot <= grid.count;
      if (!adjoins || !grid.put({ closeMs, long: unpack(event.long), short: unpack(event.short), bar: event.bar })) {
        follower.beyond(closeMs);
        return;
      }
      changedFrom = Math.min(changedFrom, slot);
      // A page that is not seen gets no frames: the timer puts what came in all the same.
      if (!frame) frame = document.hidden ? setTimeout(show, 200) : requestAnimationFrame(show);
    },
    refused: follower.refused,
    state: follower.state,
  });
  return () => subscription.end();
}
