/**
 * Runs in the browser's audio thread: makes 16-bit samples at 16 kHz of what the microphone hears, a piece at a time.
 *
 * Each sample is the mean of those that it stands for, whatever the rate of the device.
 */

const { AudioWorkletProcessor, registerProcessor, sampleRate } = /** @type {any} */ (globalThis);

const RATE = 16_000;

class Recorder extends AudioWorkletProcessor {
  #step = sampleRate / RATE;
  #piece;
  #filled = 0;
  #sum = 0;
  #count = 0;
  #passed = 0; // of the present sample, in samples of the device

  /** @param {{ processorOptions: { samples: number } }} options */
  constructor({ processorOptions }) {
    super();
    this.#piece = new Int16Array(processorOptions.samples);
    this.port.onmessage = () => this.#post(true); // the visitor has finished: what there is of the last piece
  }

  /** @param {Float32Array[][]} inputs */
  process([[heard]]) {
    for (const value of heard ?? []) {
      this.#sum += value;
      this.#count += 1;
      this.#passed += 1;
      if (this.#passed < this.#step) continue;
      const mean = this.#sum / this.#count;
      this.#sum = this.#count = 0;
      // A slow device's sample stands for more than one of ours.
      for (; this.#passed >= this.#step; this.#passed -= this.#step) this.#take(mean);
    }
    return true;
  }

  /** @param {number} value from -1 to 1 */
  #take(value) {
    this.#piece[this.#filled] = Math.max(-1, Math.min(1, value)) * 32_767;
    this.#filled += 1;
    if (this.#filled === this.#piece.length) this.#post(false);
  }

  /** @param {boolean} isLast */
  #post(isLast) {
    this.port.postMessage({ piece: this.#piece.slice(0, this.#filled), isLast });
    this.#filled = 0;
  }
}

registerProcessor("seat-map-recorder", Recorder);
