/** Types of `seat-map.js`, the element `<seat-map>`. Seats are named by their labels ("C-7"), areas by their keys. */

import type { Refusal, SeatMapClient, Status } from "./seatmap-client.js";

/** What a seat shows. */
export type SeatState =
  | "free"
  | "asking"
  | "mine"
  | "booked"
  | "held"
  | "claimed"
  | "sold"
  | "blocked"
  | "allocated"
  | "unknown";

/** A number of places in a general-admission area. */
export interface AreaPlaces {
  area: string;
  count: number;
}

/** One ticket, for a seat or for a place in an area. The price is in minor units of the currency. */
export interface Line {
  seat: string | null;
  area: string | null;
  ticket: string;
  priceMinor: number;
}

/** A booking of the visitor. `reference` is the short one for people. */
export interface Booking {
  bookingId: string;
  reference: string;
  status: "pending" | "confirmed" | "cancelled" | "expired";
  seats: string[];
  areas: AreaPlaces[];
  lines: Line[];
  totalMinor: number;
  currency: string;
  /** Minor digits of the currency: an amount is `minor / 10 ** currencyDigits`. */
  currencyDigits: number;
}

/** Everything the visitor holds. `holds` are ids; each hold is booked as a whole. `deadlineMs` is server time. */
export interface Basket {
  holds: string[];
  seats: string[];
  areas: AreaPlaces[];
  lines: Line[];
  feesMinor: number;
  totalMinor: number;
  currency: string;
  /** Minor digits of the currency: an amount is `minor / 10 ** currencyDigits`. */
  currencyDigits: number;
  deadlineMs: number;
}

/** A text with `{facts}` in it, one text for each plural form of `{count}`, or a function of the facts. */
export type Template =
  | string
  | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>)
  | ((facts: Record<string, string | number>) => string);

/** A user's token, or a function that returns one other than `refused`. */
export type TokenSource = string | ((refused: string | null) => Promise<string>);

export interface SeatMapEvents {
  /** The showtime is loaded: `showtime` and `layout` as REST has them, the showtime with its theatre's `timezone`. */
  "seat-map-ready": CustomEvent<{ showtime: Record<string, unknown>; layout: Record<string, unknown> }>;
  /** The visitor got places: chosen, found by a search, or still held after a reload. */
  "seat-map-hold": CustomEvent<{ seats: string[]; areas: AreaPlaces[]; basket: Basket }>;
  /** The visitor gave places back. */
  "seat-map-release": CustomEvent<{ seats: string[]; areas: AreaPlaces[]; basket: Basket | null }>;
  /** The visitor lost places: the time ran out, a booking came first, or staff took them back. */
  "seat-map-expired": CustomEvent<{
    seats: string[];
    areas: AreaPlaces[];
    reason: "expired" | "sold" | "blocked" | "away";
  }>;
  /** The visitor booked, or a booking of the visitor changed. */
  "seat-map-booked": CustomEvent<Booking>;
  /** A request was refused. `message` is what the visitor is told. */
  "seat-map-refused": CustomEvent<{
    code: string;
    message: string;
    seats: { seat: string; reason: Refusal }[];
    areas: { area: string; reason: Refusal; left: number }[];
    fix: string[];
  }>;
  /** The connection changed: whether the map is live. */
  "seat-map-status": CustomEvent<{ status: Status; reason: string }>;
  /** With checkout="page": the visitor wants to book or pay for the basket. */
  "seat-map-checkout": CustomEvent<{ basket: Basket }>;
  /** With checkout="page": the visitor wants to continue paying for this booking. */
  "seat-map-continue": CustomEvent<Booking>;
  /** The showtime cannot be shown, or its connection has ended for good. `message` is for the page's developer. */
  "seat-map-error": CustomEvent<{ message: string; code: string | null }>;
}

export class SeatMapElement extends HTMLElement {
  server: string;
  showtime: string;
  get token(): TokenSource | null;
  set token(token: TokenSource | null);
  theme: string;
  checkout: string;
  /** "off": without the field for wishes in the visitor's own words. */
  concierge: string;
  /** "on": with a microphone in that field, where the browser recognises speech or the server hears. */
  voice: string;
  get strings(): Record<string, Template>;
  set strings(strings: Record<string, Template>);
  readonly client: SeatMapClient | null;
  readonly status: Status | "loading" | "failed";
  readonly basket: Basket | null;

  seatState(label: string): SeatState | undefined;
  boxOf(label: string): DOMRect | undefined;
  reveal(...labels: string[]): void;
  hold(...labels: string[]): Promise<void>;
  release(): Promise<void>;
  listen(): void;
  refresh(): void;

  addEventListener<K extends keyof SeatMapEvents>(
    type: K,
    listener: (event: SeatMapEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "seat-map": SeatMapElement;
  }
  /** The events bubble, so elements, the document and the window get them. */
  interface GlobalEventHandlersEventMap extends SeatMapEvents {}
}
