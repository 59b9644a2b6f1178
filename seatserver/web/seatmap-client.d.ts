/** Types of `seatmap-client.js`. Messages are those in /asyncapi.json; seats and areas are indexes into the layout. */

/** Why a seat or an area was refused. */
export type Refusal =
  | "held"
  | "sold"
  | "blocked"
  | "allocated"
  | "full"
  | "cooling"
  | "limit"
  | "group"
  | "companion"
  | "wheelchair"
  | "gap";

/** One ticket, for a seat or for a place in a general-admission area. */
export interface TicketLine {
  seat?: number;
  area?: number;
  ticket: string;
  price_minor: number;
}

/** What a hold or booking holds and costs; `areas` are pairs of an area and a number of places. */
export interface Basket {
  seats: number[];
  areas: [area: number, places: number][];
  lines: TicketLine[];
  fees_minor: number;
  total_minor: number;
  currency: string;
  /** Minor digits of the currency: an amount is `minor / 10 ** currency_digits`. */
  currency_digits: number;
}

/** A hold of this user; `deadlineMs` is on the server's clock, see `SeatMapClient.now`. */
export interface Hold extends Basket {
  /** How many of the party use a wheelchair. */
  wheelchairs: number;
  /** Seats that this choice strands: gaps that hardly anybody would buy. */
  stranded: number[];
  deadlineMs: number;
  /** How far `extend` can move `deadlineMs`; 0 if the server does not say. */
  latestDeadlineMs: number;
}

/** The answer to `hold`, `best` and `extend`. `lost` are seats that were requested or found but are not in the hold. */
export interface Held extends Basket {
  type: "held";
  ref: number;
  hold_id: string;
  deadline_ms: number;
  /** How far `extend` can move the deadline. */
  latest_deadline_ms: number;
  lost: [seat: number, reason: Refusal][];
  stranded: number[];
  cost: number | null;
  breakdown: Record<string, number>;
}

export interface Released {
  ref: number;
  hold_id: string;
  seats: number[];
  areas?: [area: number, places: number][];
}

/** A booking of this user. */
export interface OwnBooking extends Basket {
  booking_id: string;
  /** The short reference for people, also on the ticket: eight characters in two groups. */
  reference: string;
  status: "pending" | "confirmed" | "cancelled" | "expired";
  /** When a pending booking expires unless it is paid. */
  expires_at_ms: number | null;
  /** The path of the ticket's page on the server, which opens in any browser. */
  ticket_url: string | null;
}

/** A booking was made or changed. `ref` is 0 if that happened elsewhere. */
export interface Booked extends OwnBooking {
  type: "booked";
  ref: number;
}

export interface Offer {
  seats: number[];
  parts: number[][];
  cost: number;
  breakdown: Record<string, number>;
  alone: number;
  stranded: number[];
  total_minor: number;
  currency: string;
  /** Minor digits of the currency: an amount is `minor / 10 ** currency_digits`. */
  currency_digits: number;
}

/** Places of one general-admission area. */
export interface Places {
  area: number;
  count: number;
  ticket?: string;
}

export interface HoldOptions {
  areas?: Places[];
  /** Ticket types in the order of the seats. Without them, every seat is sold as the first type. */
  tickets?: string[];
  /** How many of the party use a wheelchair. */
  wheelchairs?: number;
  /** The hold that this one replaces, in one step. */
  replaces?: string | null;
  /** Replace seats that were just taken by the nearest equivalent ones. */
  or_nearest?: boolean;
}

/** How many people, or how many tickets of each type, and where they want to sit. */
export interface Wish {
  count?: number;
  tickets?: Record<string, number>;
  categories?: string[];
  areas?: string[];
  wheelchairs?: number;
  split?: boolean;
  weights?: Record<string, number>;
}

export interface Welcome {
  type: "welcome";
  ref: number;
  showtime: string;
  layout: string;
  epoch: string;
  version: number;
  server_ms: number;
  user: string;
  scopes: string[];
  holds: (Basket & {
    hold_id: string;
    deadline_ms: number;
    latest_deadline_ms: number;
    wheelchairs: number;
    stranded: number[];
  })[];
  limits: {
    seats_per_user: number;
    hold_ms: number;
    hold_total_ms: number;
    heartbeat_ms: number;
    message_bytes: number;
    /** The longest question to the concierge, in characters; 0 where there is none. */
    concierge_chars: number;
    /** Whether a language model answers there, which is sent the questions. */
    concierge_model: boolean;
    /** The longest spoken question that the server itself hears, in seconds; 0: it hears none. */
    voice_s: number;
    /** For how many days questions to the concierge are kept of visitors who agree; 0: none are. */
    concierge_log_days: number;
  };
  on_sale_at_ms: number;
  sale_ends_at_ms: number;
  /** This user's pending and confirmed bookings; null if they cannot be read at the moment. */
  bookings: OwnBooking[] | null;
}

/** "waiting": the client reconnects at `retryAtMs`. "stopped": it does not; see `reason`. */
export type Status = "connecting" | "live" | "waiting" | "stopped";

/** An unanswered command asks for this seat, or gives it back. */
export type Mark = "holding" | "releasing";

/**
 * Returns a token other than `refused`. If it throws an Error with `permanent: true`, the client stops; after any other
 * error it tries again later.
 */
export type TokenSource = string | ((refused: string | null) => string | Promise<string>);

/** The client's time limits in milliseconds; `seat-map/client/times.js` explains each. */
export interface Times {
  answerMs: number;
  commandMs: number;
  lateMs: number;
  stableMs: number;
  backOffFirstMs: number;
  backOffMostMs: number;
  tickMs: number;
  probeMs: number;
}

export const TIMES: Readonly<Times>;

export interface ClientOptions {
  /** Required, except in programs whose handshake carries an Authorization header. */
  token?: TokenSource | null;
  /** "msgpack" (the default) or "json". */
  encoding?: "msgpack" | "json";
  /** The WebSocket class, if there is no global one. */
  WebSocket?: new (
    url: string,
    protocols: string[],
  ) => WebSocket;
  times?: Partial<Times>;
}

export interface ClientEvents {
  status: CustomEvent<null>;
  welcome: CustomEvent<null>;
  /** The seats that changed, or null if any seat may have changed. */
  change: CustomEvent<number[] | null>;
  holds: CustomEvent<null>;
  /** A hold ended without a command. `away`: it was gone when the connection came back. */
  expired: CustomEvent<{
    seats: number[];
    areas: [area: number, places: number][];
    reason: "expired" | "sold" | "blocked" | "away";
  }>;
  /** `bookings` changed. */
  bookings: CustomEvent<null>;
  booked: CustomEvent<Booked>;
  /** The seats whose mark in `pending` was added, changed or removed. */
  pending: CustomEvent<number[]>;
  /** The seats whose expected change did not happen, and why. */
  rolledback: CustomEvent<{ seats: number[]; error: CommandError }>;
}

/** A command that was not carried out. */
export class CommandError extends Error {
  /** The server's code, "refused", or one of the client's own: "late", "too_large", "stopped", "closed", "moved". */
  readonly code: string;
  /** Whether repeating the command can help. */
  readonly retryable: boolean;
  readonly seats: [seat: number, reason: Refusal][];
  readonly areas: [area: number, reason: Refusal, left: number][];
  /** Seats that the choice would have stranded: gaps that hardly anybody would buy. */
  readonly stranded: number[];
  /** The nearest choice that would be accepted; empty if there is none. */
  readonly fix: number[];
  /** When "cooling" seats may be requested again, on the server's clock, if nobody else takes them first. */
  readonly retry_at_ms: [seat: number, ms: number][];
  readonly areas_retry_at_ms: [area: number, ms: number][];
  readonly facts: Record<string, unknown>;
}

/** A UUID v4. */
export function newHoldId(): string;

/** An event listener; Node's types have no name for it. */
export type Listener = ((event: Event) => void) | { handleEvent(event: Event): void } | null;

export class SeatMapClient extends EventTarget {
  /** `url` is the address of the showtime's socket: ws:, wss:, http: or https:. */
  constructor(url: string | URL, options: ClientOptions);

  /** One state per seat: 0 free, 1 held, 2 claimed, 3 sold, 4 blocked, 5 allocated; null before the first snapshot. */
  readonly states: Uint8Array | null;
  readonly epoch: string;
  readonly version: number;
  /** Free places of each general-admission area. */
  readonly remaining: number[];
  /** This user's holds by id, oldest first. */
  readonly holds: Map<string, Hold>;
  /** Seat → hold id. */
  readonly mine: Map<number, string>;
  readonly pending: Map<number, Mark>;
  /** This user's current bookings for this showtime, by id: at first at most the 20 newest. */
  readonly bookings: Map<string, OwnBooking>;
  readonly welcome: Welcome | null;
  readonly status: Status;
  /** Why the client is not live, in words; "" if there is nothing to say. */
  readonly reason: string;
  /** The close code that stopped the client, else 0. Also 4001 without a token, and 4003 on pages that are not allowed. */
  readonly closeCode: number;
  /** What stopped the client: "socket" if none can be opened, "page" for `close`, "" if it has not stopped. */
  readonly stoppedBy: "" | "server" | "token" | "socket" | "page";
  /** On performance.now()'s clock. */
  readonly retryAtMs: number;

  /** The server's clock, in milliseconds since the epoch. */
  now(): number;
  /** Connect, and stay connected until `close`. Restarts a stopped client. */
  connect(): void;
  /** Disconnect for good. Holds stay until their deadline. */
  close(): void;

  /** Hold all of these seats, or none. */
  hold(seats: number[], options?: HoldOptions): Promise<Held>;
  /** Let the server choose the best seats and hold them. */
  best(wish: Wish & { replaces?: string | null }): Promise<Held>;
  /** The choices that `best` has, best first. Holds nothing. */
  offers(wish: Wish & { limit?: number }): Promise<Offer[]>;
  /** Release a hold, or only `seats` of it if the rules allow the rest. */
  release(holdId: string, seats?: number[]): Promise<Released>;
  /** Extend a hold's deadline. */
  extend(holdId: string): Promise<Held>;
  /** Book a hold: at once, or with `payLater` as a pending booking that a payment confirms. */
  book(holdId: string, options?: { payLater?: boolean }): Promise<Booked>;
  /** Remove a booking that was cancelled over REST from `bookings` before the socket reports it. */
  forgetBooking(id: string): void;

  addEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: Listener, options?: boolean | EventListenerOptions): void;
}
