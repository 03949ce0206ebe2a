/** Numbers and times as a person reads them; times are UTC. */

const SUFFIXES = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];

/**
 * Return an amount with three figures: 1.23M.
 * @param {number} amount
 */
export function short(amount) {
  const size = Math.abs(amount);
  for (const [unit, suffix] of /** @type {[number, string][]} */ (SUFFIXES)) {
    if (size >= unit * 0.9995) return `${Number((amount / unit).toPrecision(3))}${suffix}`;
  }
  return size === 0 ? "0" : String(Number(amount.toPrecision(3)));
}

/** @type {Map<number, Intl.NumberFormat>} by how many decimals */
const GROUPED = new Map();

/**
 * @param {number} value
 * @param {number} digits
 */
function grouped(value, digits) {
  let format = GROUPED.get(digits);
  if (!format) {
    format = new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    GROUPED.set(digits, format);
  }
  return format.format(value);
}

/**
 * Return an amount whole, in groups of three.
 * @param {number} amount
 */
export function whole(amount) {
  return grouped(amount, amount > 0 && amount < 100 ? 2 : 0);
}

/**
 * Return how many decimals a price of this size is shown with: six figures.
 * @param {number} value
 */
export function decimals(value) {
  return Math.min(Math.max(5 - Math.floor(Math.log10(Math.max(value, 1e-12))), 0), 12);
}

/** @param {number} value */
export function price(value) {
  return grouped(value, decimals(value));
}

/**
 * Return a fraction as percent.
 * @param {number} fraction
 * @param {number} digits
 */
export function percent(fraction, digits = 1) {
  return `${(100 * fraction).toFixed(digits).replace(/^-(0(?:\.0*)?)$/, "$1")} %`;
}

/**
 * Return a fraction as percent with its sign.
 * @param {number} fraction
 * @param {number} digits
 */
export function signed(fraction, digits = 1) {
  const text = percent(Math.abs(fraction), digits);
  return fraction > 0 ? `+${text}` : fraction < 0 ? `−${text}` : text;
}

const DAY_AND_TIME = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});

/** @param {number} ms */
export function moment(ms) {
  return `${DAY_AND_TIME.format(ms).replace(",", "")} UTC`;
}

/**
 * Return a length of time in its largest unit.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(Math.round(seconds), 0)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** @param {"LONG" | "SHORT"} side */
export const sideName = (side) => (side === "LONG" ? "Long" : "Short");
