/** Questions to the public GraphQL API, and the key they are sent with. */

const KEPT_AS = "liqgrid-key";

/** An answer that is a refusal, or none at all; `code` is the API's (docs/errors.md), or UNREACHABLE. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Return the key of this browser tab, "" where there is none. */
export function key() {
  return sessionStorage.getItem(KEPT_AS) ?? "";
}

/**
 * Keep a key until the tab is closed; "" forgets it.
 * @param {string} value
 */
export function keepKey(value) {
  if (value) sessionStorage.setItem(KEPT_AS, value);
  else sessionStorage.removeItem(KEPT_AS);
}

/**
 * Return the data of an answer.
 * @param {string} query
 * @param {Record<string, unknown>} variables
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function ask(query, variables = {}, signal) {
  /** @type {Record<string, string>} */
  const headers = { "content-type": "application/json" };
  if (key()) headers["x-api-key"] = key();
  let response;
  try {
    response = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("UNREACHABLE", "the server does not answer");
  }
  const answer = await response.json().catch(() => null);
  const refusal = answer?.errors?.[0] ?? answer?.error;
  if (refusal) throw new Refused(refusal.extensions?.code ?? refusal.code ?? "INTERNAL", refusal.message);
  if (!answer?.data) throw new Refused("INTERNAL", `the server answered ${response.status}`);
  return answer.data;
}
