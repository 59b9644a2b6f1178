/**
 * Sound for a server that hears: the microphone as 16-bit samples at 16 kHz, and its answers, which come at 24 kHz.
 * Nothing is kept.
 */

const ANSWER_RATE = 24_000;
const LEAD_S = 0.08; // so that a piece that comes a little late leaves no gap
const PIECE_BYTES = 3_200; // a tenth of a second
const WORKLET = new URL("recorder-worklet.js", import.meta.url);

/** Whether this browser can record for a server that hears. */
export function canRecord() {
  return Boolean(globalThis.navigator?.mediaDevices?.getUserMedia) && "AudioWorkletNode" in globalThis;
}

/** An open microphone. */
export class Recorder {
  #context = new AudioContext();
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  #isClosed = false;

  /**
   * Open the microphone; `take(piece)` is given what it hears. Rejects if the visitor does not allow it, or has none.
   * @param {number} mostBytes of one piece
   * @param {(piece: ArrayBuffer) => void} take
   */
  async open(mostBytes, take) {
    const wanted = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      await this.#context.audioWorklet.addModule(WORKLET);
      if (this.#isClosed) return this.#release();
      const samples = Math.min(PIECE_BYTES, mostBytes) >> 1;
      const node = new AudioWorkletNode(this.#context, "seat-map-recorder", { processorOptions: { samples } });
      node.port.onmessage = ({ data }) => !this.#isClosed && data.piece.length > 0 && take(data.piece.buffer);
      this.#context.createMediaStreamSource(this.#stream).connect(node);
      this.#node = node;
      await this.#context.resume();
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** The visitor has finished: the last piece comes, and then nothing more. */
  async finish() {
    const node = this.#node;
    if (node && !this.#isClosed) {
      await new Promise((resolve) => {
        const take = node.port.onmessage;
        setTimeout(resolve, 500);
        node.port.onmessage = (event) => {
          take?.call(node.port, event);
          if (event.data.isLast) resolve(null); // others may have been on their way
        };
        node.port.postMessage("finish");
      });
    }
    this.close();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#release();
  }

  #release() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    if (this.#context.state !== "closed") void this.#context.close();
  }
}

/** Plays answers, piece after piece. */
export class Player {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Set<AudioBufferSourceNode>} */
  #playing = new Set();
  #until = 0;

  get isPlaying() {
    return this.#playing.size > 0;
  }

  /** Be ready: browsers let a page make sounds only once its visitor has pressed something. */
  open() {
    this.#context ??= new AudioContext();
    void this.#context.resume();
  }

  /** @param {ArrayBuffer} piece */
  play(piece) {
    const context = this.#context;
    if (!context || piece.byteLength < 2) return;
    const samples = new Int16Array(piece, 0, piece.byteLength >> 1);
    const buffer = context.createBuffer(1, samples.length, ANSWER_RATE);
    const channel = buffer.getChannelData(0);
    for (let at = 0; at < samples.length; at += 1) channel[at] = samples[at] / 32_768;
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.addEventListener("ended", () => this.#playing.delete(source));
    this.#until = Math.max(this.#until, context.currentTime + LEAD_S);
    source.start(this.#until);
    this.#until += buffer.duration;
    this.#playing.add(source);
  }

  /** Be silent at once. */
  stop() {
    for (const source of this.#playing) source.stop();
    this.#playing.clear();
    this.#until = 0;
  }

  close() {
    this.stop();
    void this.#context?.close();
    this.#context = null;
  }
}
