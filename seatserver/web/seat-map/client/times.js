/** The client's time limits in milliseconds. The option `times` overrides them. */
export const TIMES = Object.freeze({
  /**
   * Getting a token, connecting, greeting and catching up each get this long. After many failures, browsers themselves
   * make a new connection wait, Chromium up to 5 s: what is shorter than that would never connect again.
   */
  answerMs: 10_000,
  /** A command that is not answered for so long, on a connection that says other things, is asked on another. */
  commandMs: 20_000,
  /** Seats asked for longer ago than this are not grabbed after a reconnect. */
  lateMs: 20_000,
  /** A connection that was live this long resets the back-off. */
  stableMs: 10_000,
  /** Back-off: the first pause is at most this long … */
  backOffFirstMs: 500,
  /** … and each is at most twice as long as the one before, up to this. */
  backOffMostMs: 15_000,
  /** Longer than the server merges changes before it sends them. */
  tickMs: 1_000,
  /**
   * After waking up, when somebody comes back to the page or clicks, and when the browser says that it is offline, the
   * server has this long to show that it is there.
   */
  probeMs: 4_000,
});
