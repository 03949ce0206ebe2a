/** Pieces the panels are built of. */

import { make } from "../dom.js";

/**
 * A titled card.
 * @param {string} id
 * @param {string} title
 * @param {string | null} note
 * @param {...(Node | null)} children
 */
export function card(id, title, note, ...children) {
  return make(
    "section",
    { class: "card", id, "aria-labelledby": `${id}-title` },
    make("h2", { id: `${id}-title`, text: title }),
    note ? make("p", { class: "note", text: note }) : null,
    ...children,
  );
}

/**
 * A row of name and value.
 * @param {string} name
 * @param {string} value
 * @param {{class?: string, value?: number | null}} [more]
 */
export function fact(name, value, more = {}) {
  return make(
    "div",
    { class: `fact ${more.class ?? ""}`, "data-value": more.value ?? null },
    make("dt", { text: name }),
    make("dd", { text: value }),
  );
}

/** @param {...(Node | null)} rows */
export const facts = (...rows) => make("dl", { class: "facts" }, ...rows);

/**
 * A bar as long as a part of the whole.
 * @param {number} part 0 to 1
 * @param {string} kind
 */
export function bar(part, kind) {
  return make("span", { class: "track", "aria-hidden": "true" }, make("span", { class: `fill ${kind}`, width: `${100 * Math.min(Math.max(part, 0), 1)}%` }));
}

/** @param {"LONG" | "SHORT"} side */
export const kindOf = (side) => (side === "LONG" ? "long" : "short");
