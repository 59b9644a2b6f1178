/**
 * The two encodings of the wire: their names in the handshake, and how messages are written and read. Reading throws a
 * SyntaxError for anything that is not a message.
 */

import { decode, encode } from "./msgpack.js";

/** @typedef {Record<string, any> & { type: string }} Message what is said on the socket; of its fields nothing is sure */
/** @typedef {string | Uint8Array<ArrayBuffer>} Frame a message as it is sent */
/**
 * @typedef {object} Codec
 * @property {string} subprotocol
 * @property {(message: object) => Frame} write
 * @property {(data: unknown) => Message} read
 */

/**
 * @param {any} value
 * @returns {Message}
 */
function messageOf(value) {
  if (typeof value?.type !== "string") throw new SyntaxError("a message without a type");
  return value;
}

/** @type {{ json: Codec, msgpack: Codec }} */
export const CODECS = {
  json: {
    subprotocol: "seatmap.v1+json",
    write: JSON.stringify,
    read(data) {
      if (typeof data !== "string") throw new SyntaxError("expected text, got a binary message");
      return messageOf(JSON.parse(data));
    },
  },
  msgpack: {
    subprotocol: "seatmap.v1+msgpack",
    write: encode,
    read(data) {
      if (typeof data === "string") throw new SyntaxError("expected a binary message, got text");
      return messageOf(decode(/** @type {ArrayBuffer} */ (data)));
    },
  },
};
