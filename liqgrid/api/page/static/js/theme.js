/** Colours of the chart, read from the style sheet, so that they are told once. */

/** Return the chart's colours under the theme that is on. */
export function chartColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    background: of("--chart"),
    ink: of("--ink"),
    muted: of("--muted"),
    line: of("--line"),
    accent: of("--accent"),
    long: of("--long"),
    short: of("--short"),
    rise: "#f5f8ff",
    fall: "#ff5d6c",
    font: of("--font"),
  };
}

/** @typedef {ReturnType<typeof chartColours>} Colours */
