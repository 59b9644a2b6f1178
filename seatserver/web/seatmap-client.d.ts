/** Types of `seatmap-client.js`. Messages are those of /asyncapi.json: seats and areas are indexes into the layout. */

/** Why a seat or an area is refused. */
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

/** One ticket: of a seat, or of a place in a general-admission area. */
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
  /** So many of the party come with one. */
  wheelchairs: number;
  /** Seats that this choice leaves over alone. */
  stranded: number[];
  deadlineMs: number;
  /** How far `extend` can bring `deadlineMs`; 0 where the server does not say. */
  latestDeadlineMs: number;
}

/** The answer to `hold`, `best` and `extend`; `lost` are seats that were wanted or found, and that the hold has not. */
export interface Held extends Basket {
  type: "held";
  ref: number;
  hold_id: string;
  deadline_ms: number;
  /** How far `extend` can bring the deadline. */
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
  /** What people call it: eight characters in two groups, on the ticket too. */
  reference: string;
  status: "pending" | "confirmed" | "cancelled" | "expired";
  /** A pending booking ends then unless it is paid. */
  expires_at_ms: number | null;
  /** The path of the ticket's page on the server, which opens in any browser. */
  ticket_url: string | null;
}

/** News of a booking; `ref` is 0 where it was made, paid or cancelled elsewhere. */
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
  /** Types of ticket in the order of the seats; without them every seat is sold as the first type. */
  tickets?: string[];
  /** So many of the party come with a wheelchair. */
  wheelchairs?: number;
  /** The hold whose place this one takes in the same step. */
  replaces?: string | null;
  /** Make good for lost seats with the nearest equal ones. */
  or_nearest?: boolean;
}

/** How many people, or how many tickets of each type, and where. */
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
  };
  on_sale_at_ms: number;
  sale_ends_at_ms: number;
  /** This user's that are pending or confirmed; null where they cannot be read now. */
  bookings: OwnBooking[] | null;
}

/** "waiting": until `retryAtMs`; "stopped": for good, see `reason`. */
export type Status = "connecting" | "live" | "waiting" | "stopped";

/** A command that is not answered yet is to bring a seat, or to give it back. */
export type Mark = "holding" | "releasing";

/**
 * Gives a token other than `refused`. When it throws an Error with `permanent: true`, the client stops; after any other
 * it tries again later.
 */
export type TokenSource = string | ((refused: string | null) => string | Promise<string>);

/** How patient the client is, in milliseconds; `seat-map/client/times.js` says what each is for. */
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
  /** Only a program whose handshake carries an Authorization header does without. */
  token?: TokenSource | null;
  /** "msgpack" (the default) or "json". */
  encoding?: "msgpack" | "json";
  /** The class to connect with, where there is no global one. */
  WebSocket?: new (
    url: string,
    protocols: string[],
  ) => WebSocket;
  times?: Partial<Times>;
}

export interface ClientEvents {
  status: CustomEvent<null>;
  welcome: CustomEvent<null>;
  /** The seats that changed; null: everything may have. */
  change: CustomEvent<number[] | null>;
  holds: CustomEvent<null>;
  /** A hold ended without a command: `away` means that it was gone when the connection came back. */
  expired: CustomEvent<{
    seats: number[];
    areas: [area: number, places: number][];
    reason: "expired" | "sold" | "blocked" | "away";
  }>;
  /** `bookings` changed. */
  bookings: CustomEvent<null>;
  booked: CustomEvent<Booked>;
  /** The seats whose mark in `pending` came, changed or went. */
  pending: CustomEvent<number[]>;
  /** Marks that did not come true. */
  rolledback: CustomEvent<{ seats: number[]; error: CommandError }>;
}

/** A command that was not carried out. */
export class CommandError extends Error {
  /** The server's code; "refused"; or "late", "too_large", "stopped", "closed", "moved", which the client itself says. */
  readonly code: string;
  /** Whether the same again can help. */
  readonly retryable: boolean;
  readonly seats: [seat: number, reason: Refusal][];
  readonly areas: [area: number, reason: Refusal, left: number][];
  /** Seats that the choice would have left over alone. */
  readonly stranded: number[];
  /** The nearest choice that would do; empty when there is none. */
  readonly fix: number[];
  /** When seats that are "cooling" may be tried again, on the server's clock, if nobody else takes them meanwhile. */
  readonly retry_at_ms: [seat: number, ms: number][];
  readonly areas_retry_at_ms: [area: number, ms: number][];
  readonly facts: Record<string, unknown>;
}

/** A UUID v4. */
export function newHoldId(): string;

/** What may be told of an event; Node's types have no name for it. */
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
  /** This user's holds by id, the one that was made last is the last. */
  readonly holds: Map<string, Hold>;
  /** Seat → hold id. */
  readonly mine: Map<number, string>;
  readonly pending: Map<number, Mark>;
  /** This user's bookings here that have not ended, by id: at most the 20 newest when it connects. */
  readonly bookings: Map<string, OwnBooking>;
  readonly welcome: Welcome | null;
  readonly status: Status;
  /** Why it is not live, in words; "" when there is nothing to say. */
  readonly reason: string;
  /** The close code with which the server stopped it; 4001 also without a token, 4003 for pages of other origins, or 0. */
  readonly closeCode: number;
  /** What stopped it: "socket", where none can be made, "page" by `close`; "" while nothing did. */
  readonly stoppedBy: "" | "server" | "token" | "socket" | "page";
  /** On performance.now()'s clock. */
  readonly retryAtMs: number;

  /** The server's clock, in milliseconds since the epoch. */
  now(): number;
  /** Connect, and stay connected until `close`. After it stopped, this begins anew. */
  connect(): void;
  /** Leave for good. Holds stay until their deadline. */
  close(): void;

  /** Hold all of these seats or none. */
  hold(seats: number[], options?: HoldOptions): Promise<Held>;
  /** Let the server choose and hold. */
  best(wish: Wish & { replaces?: string | null }): Promise<Held>;
  /** What `best` would choose from, the best first. Holds nothing. */
  offers(wish: Wish & { limit?: number }): Promise<Offer[]>;
  /** Give a hold back: all of it, or only `seats`, as far as the rest may stand by itself. */
  release(holdId: string, seats?: number[]): Promise<Released>;
  /** Ask for more time. */
  extend(holdId: string): Promise<Held>;
  /** Book a hold: at once, or (`payLater`) as a claim that a payment confirms. */
  book(holdId: string, options?: { payLater?: boolean }): Promise<Booked>;
  /** A booking was cancelled over REST: it goes from `bookings` before the server says so here. */
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
