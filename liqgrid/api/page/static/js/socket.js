/** One subscription at a time over graphql-transport-ws, opened again when it is lost, with what was seen last. */

import { key } from "./api.js";

const PROTOCOL = "graphql-transport-ws";
const SILENT_MS = 45_000;
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/**
 * @typedef {object} Listener
 * @property {() => {query: string, variables: Record<string, unknown>}} question asked at every connection
 * @property {(data: any) => void} next
 * @property {(code: string, message: string) => void} refused  the server ended it, and says why
 * @property {(state: "connecting" | "live" | "lost") => void} state
 */

export class Subscription {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    this.failures = 0;
    this.ended = false;
    this._connect();
  }

  /** Close it for good. */
  end() {
    this.ended = true;
    clearTimeout(this.waiting);
    clearTimeout(this.silence);
    this.socket?.close(1000);
  }

  _connect() {
    this.listener.state("connecting");
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/graphql`, PROTOCOL);
    this.socket = socket;
    socket.onopen = () => this._send({ type: "connection_init", payload: key() ? { apiKey: key() } : undefined });
    socket.onmessage = ({ data }) => {
      if (socket === this.socket && !this.ended) this._hear(JSON.parse(data));
    };
    socket.onclose = () => {
      if (socket === this.socket && !this.ended) this._again();
    };
    this._wait();
  }

  /** @param {object} message */
  _send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** @param {any} message */
  _hear(message) {
    this._wait();
    if (message.type === "connection_ack") {
      this._send({ id: "1", type: "subscribe", payload: this.listener.question() });
      this.listener.state("live");
    } else if (message.type === "ping") {
      this._send({ type: "pong" });
    } else if (message.type === "next") {
      const refusal = message.payload.errors?.[0];
      this.failures = 0;
      if (refusal) this._refuse(refusal);
      else this.listener.next(message.payload.data);
    } else if (message.type === "error") {
      this._refuse(message.payload[0]);
    } else if (message.type === "complete") {
      this.socket?.close(1000);
    }
  }

  /** @param {any} refusal */
  _refuse(refusal) {
    this.end();
    this.listener.refused(refusal.extensions?.code ?? "INTERNAL", refusal.message);
  }

  /** A connection that says nothing is asked whether it lives, then given up. */
  _wait() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this._send({ type: "ping" });
      this.silence = setTimeout(() => this._again(), SILENT_MS / 3);
    }, SILENT_MS);
  }

  _again() {
    clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    this.listener.state("lost");
    const wait = WAITS_MS[Math.min(this.failures++, WAITS_MS.length - 1)];
    this.waiting = setTimeout(() => this._connect(), wait);
  }
}
