/** Columns as they are built, put into the grid that is shown. */

import { ask } from "./api.js";
import { Grid } from "./grid.js";
import { COLUMNS, GRID } from "./queries.js";
import { Subscription } from "./socket.js";
import { unpack } from "./packed.js";

/**
 * @typedef {object} Follower
 * @property {(from: number) => void} changed       columns from a slot on came or changed
 * @property {(newestMs: number) => void} beyond    a column was built that this grid does not reach
 * @property {(code: string, message: string) => void} refused
 * @property {(state: "connecting" | "live" | "lost") => void} state
 */

/**
 * Follow a grid; call the result to stop. Columns of a pair come by subscription. Those of a coin are asked for when a
 * column of `clock`, its largest pair, comes.
 * @param {{pair: string, venues: string[]}} asked
 * @param {string} clock
 * @param {Grid} grid
 * @param {Follower} follower
 * @returns {() => void}
 */
export function follow({ pair, venues }, clock, grid, follower) {
  const { interval, low, high } = grid;
  const isCoin = clock !== pair;
  const chosen = venues.length && !isCoin ? venues : null;
  const variables = { pair: clock, interval, venues: chosen, low, high, rows: isCoin ? 2 : grid.rows };
  /** @type {string | null} */
  let cursor = null;
  const put = putter(grid, follower);
  const subscription = new Subscription({
    question: () => ({ query: COLUMNS, variables: { ...variables, after: cursor } }),
    next({ gridColumn: event }) {
      cursor = event.cursor;
      const closeMs = Date.parse(event.closeTime);
      if (isCoin) {
        since({ pair, venues }, Math.min(closeMs, grid.lastMs), grid).then(put, () => follower.beyond(closeMs));
        return;
      }
      put([{ closeMs, long: unpack(event.long), short: unpack(event.short), bar: event.bar }], event.replaces);
    },
    refused: follower.refused,
    state: follower.state,
  });
  return () => subscription.end();
}

/**
 * Return a function that puts columns into a grid and has what changed drawn in the next frame, once for a burst.
 * @param {Grid} grid
 * @param {Follower} follower
 */
function putter(grid, follower) {
  let changedFrom = Infinity;
  let frame = 0;
  const show = () => {
    const from = changedFrom;
    [changedFrom, frame] = [Infinity, 0];
    if (from < Infinity) follower.changed(from);
  };
  return (/** @type {import("./grid.js").Column[]} */ columns, replaces = false) => {
    for (const column of columns) {
      const slot = grid.slotOf(column.closeMs);
      if (slot < 0) continue;
      if (replaces) {
        grid.dropFrom(column.closeMs);
        changedFrom = Math.min(changedFrom, slot);
      }
      // Columns between were built before this stream began, or the grid shows the past.
      if (slot > grid.count || !grid.put(column)) {
        follower.beyond(column.closeMs);
        return;
      }
      changedFrom = Math.min(changedFrom, slot);
    }
    // A page nobody sees gets no frames.
    if (!frame && changedFrom < Infinity) frame = document.hidden ? setTimeout(show, 200) : requestAnimationFrame(show);
  };
}

/**
 * Return the columns of a coin from shortly before a time on.
 * @param {{pair: string, venues: string[]}} asked
 * @param {number} fromMs
 * @param {Grid} grid
 * @returns {Promise<import("./grid.js").Column[]>}
 */
async function since({ pair, venues }, fromMs, { interval, stepMs, low, high, rows }) {
  const start = new Date(fromMs - 2 * stepMs).toISOString();
  const more = { wholeInterval: interval, wholeLast: 1, measure: false };
  const answer = await ask(GRID, { pair, interval, venues: venues.length ? venues : null, start, low, high, rows, ...more });
  const newer = new Grid(answer.grid, interval, stepMs);
  return newer.bars.flatMap((bar, slot) => {
    const cells = /** @type {const} */ ([slot * rows, (slot + 1) * rows]);
    return bar
      ? [{ closeMs: newer.closeOf(slot), long: newer.long.subarray(...cells), short: newer.short.subarray(...cells), bar }]
      : [];
  });
}
