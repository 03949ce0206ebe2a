/** Arrays as the API packs them (docs/api.md, Packed arrays). */

/** @typedef {{dtype: "<f4" | "<f8" | "<i8", shape: number[], data: string}} Packed */

/**
 * Return the numbers of a packed array, rows first; int64 come as plain numbers, for epoch milliseconds are safe ones.
 * @param {Packed} array
 * @returns {Float32Array | Float64Array}
 */
export function unpack({ dtype, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  if (dtype === "<f4") return new Float32Array(bytes.buffer);
  if (dtype === "<f8") return new Float64Array(bytes.buffer);
  return Float64Array.from(new BigInt64Array(bytes.buffer), Number);
}
