/**
 * MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), as much of it as the wire needs: nil, booleans,
 * numbers, strings, binaries, arrays and maps with text keys. No extension types: the server sends none.
 *
 * Values are what JSON.parse would return, so both encodings look the same to their readers.
 */

const DEEPEST = 64; // no message is nested like that; a hostile one must not use up the stack
const TWO_TO_32 = 2 ** 32;

const asBytes = new TextEncoder();
const asText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A value as bytes. Fields that are undefined are left out, as JSON.stringify does.
 * @param {unknown} value
 */
export function encode(value) {
  const writer = new Writer();
  writer.write(value);
  return writer.bytes();
}

/**
 * Decode `buffer` (ArrayBuffer or Uint8Array). Throws a SyntaxError that says where it is malformed.
 * @param {ArrayBuffer | Uint8Array} buffer
 */
export function decode(buffer) {
  const reader = new Reader(buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer));
  const value = reader.read(0);
  reader.expectEnd();
  return value;
}

/** @typedef {"setUint8" | "setUint16" | "setUint32" | "setBigUint64" | "setInt16" | "setInt32" | "setBigInt64" | "setFloat64"} Setter */

class Writer {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  bytes() {
    return this.#buffer.slice(0, this.#at);
  }

  /** @param {unknown} value */
  write(value) {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (value === false) this.#byte(0xc2);
    else if (value === true) this.#byte(0xc3);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (typeof value === "object") this.#map(/** @type {Record<string, unknown>} */ (value));
    else throw new TypeError(`a ${typeof value} cannot be sent`);
  }

  /** @param {number} value */
  #number(value) {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#byte(0xcb);
      this.#put("setFloat64", 8, value);
    } else if (value >= 0) this.#head(value, [0x00, 0x80], 0xcc, 0xcd, 0xce, 0xcf);
    else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#byte(value & 0xff);
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      this.#put("setInt16", 2, value);
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      this.#put("setInt32", 4, value);
    } else {
      this.#byte(0xd3);
      this.#put("setBigInt64", 8, BigInt(value));
    }
  }

  /** @param {string} value */
  #string(value) {
    // Half a surrogate pair becomes U+FFFD: the server takes only what is text.
    const bytes = asBytes.encode(value);
    this.#head(bytes.length, [0xa0, 0x20], 0xd9, 0xda, 0xdb);
    this.#append(bytes);
  }

  /** @param {Uint8Array} bytes */
  #binary(bytes) {
    this.#head(bytes.length, [0, 0], 0xc4, 0xc5, 0xc6);
    this.#append(bytes);
  }

  /** @param {unknown[]} values */
  #array(values) {
    this.#head(values.length, [0x90, 0x10], null, 0xdc, 0xdd);
    for (const value of values) this.write(value);
  }

  /** @param {Record<string, unknown>} value */
  #map(value) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined);
    this.#head(entries.length, [0x80, 0x10], null, 0xde, 0xdf);
    for (const [key, field] of entries) {
      this.#string(key);
      this.write(field);
    }
  }

  /**
   * A number that is not negative, in the shortest of the forms: in the first byte itself, or in 1, 2, 4, 8 more.
   * @param {number} value
   * @param {[base: number, below: number]} pair
   * @param {number | null} in1
   * @param {number} in2
   * @param {number} in4
   * @param {number} [in8]
   */
  #head(value, [base, below], in1, in2, in4, in8) {
    if (value < below) this.#byte(base | value);
    else if (value < 0x100 && in1 !== null) {
      this.#byte(in1);
      this.#byte(value);
    } else if (value < 0x10000) {
      this.#byte(in2);
      this.#put("setUint16", 2, value);
    } else if (value < TWO_TO_32) {
      this.#byte(in4);
      this.#put("setUint32", 4, value);
    } else {
      this.#byte(/** @type {number} */ (in8));
      this.#put("setBigUint64", 8, BigInt(value));
    }
  }

  /** @param {number} value */
  #byte(value) {
    this.#put("setUint8", 1, value);
  }

  /**
   * @param {Setter} method one of DataView
   * @param {number} size
   * @param {number | bigint} value
   */
  #put(method, size, value) {
    const at = this.#take(size); // first: the view may be another one afterwards
    /** @type {any} */ (this.#view)[method](at, value);
  }

  /** @param {Uint8Array} bytes */
  #append(bytes) {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /**
   * Room for so many bytes more; where it begins.
   * @param {number} size
   */
  #take(size) {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#at, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

class Reader {
  #bytes;
  #view;
  #at = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  expectEnd() {
    if (this.#at < this.#bytes.length) this.#fail("more bytes than one value has");
  }

  /**
   * @param {number} depth
   * @returns {any}
   */
  read(depth) {
    if (depth > DEEPEST) this.#fail("nested too deeply");
    const first = this.#bytes[this.#take(1)];
    if (first < 0x80) return first;
    if (first < 0x90) return this.#map(first & 0x0f, depth);
    if (first < 0xa0) return this.#array(first & 0x0f, depth);
    if (first < 0xc0) return this.#string(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#slice(this.#unsigned(first - 0xc4)).slice();
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(first - 0xcc);
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned(first - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(first - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(first - 0xdd), depth);
      default:
        return this.#fail(`the type 0x${first.toString(16)} is not expected`);
    }
  }

  /**
   * A number in 1, 2 or 4 bytes: `power` is 0, 1 or 2.
   * @param {number} power
   */
  #unsigned(power) {
    if (power === 0) return this.#view.getUint8(this.#take(1));
    return power === 1 ? this.#view.getUint16(this.#take(2)) : this.#view.getUint32(this.#take(4));
  }

  /** @param {number} size */
  #string(size) {
    const bytes = this.#slice(size);
    try {
      return asText.decode(bytes);
    } catch {
      return this.#fail("a string is not UTF-8");
    }
  }

  /**
   * @param {number} size
   * @param {number} depth
   */
  #array(size, depth) {
    this.#expectLeft(size);
    const values = [];
    for (let index = 0; index < size; index += 1) values.push(this.read(depth + 1));
    return values;
  }

  /**
   * @param {number} size
   * @param {number} depth
   */
  #map(size, depth) {
    this.#expectLeft(2 * size);
    const entries = [];
    for (let index = 0; index < size; index += 1) {
      const key = this.read(depth + 1);
      if (typeof key !== "string") this.#fail("a key is no string");
      entries.push([key, this.read(depth + 1)]);
    }
    // Unlike an assignment this makes a key like any other of "__proto__", as JSON.parse does.
    return Object.fromEntries(entries);
  }

  /** @param {number} size */
  #slice(size) {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** @param {number} size */
  #take(size) {
    this.#expectLeft(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }

  /** @param {number} size */
  #expectLeft(size) {
    if (this.#bytes.length - this.#at < size) this.#fail("it ends too early");
  }

  /** @param {string} problem */
  #fail(problem) {
    throw new SyntaxError(`not valid MessagePack at byte ${this.#at}: ${problem}`);
  }
}
