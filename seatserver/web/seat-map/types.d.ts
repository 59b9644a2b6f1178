/** What the parts of the seat map tell each other, and what REST tells of a showtime: for the compiler alone. */

import type { SeatState } from "../seat-map.js";

/** {x, y} in pitches of seats: x to the right as the audience sees it, y away from the screen. */
export interface Point {
  x: number;
  y: number;
}

export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Seat extends Point {
  row: string;
  number: string;
  category: string;
  kind?: string;
}

export interface Area extends Point {
  key: string;
  name: string;
  category: string;
  width: number;
  height: number;
}

export interface Category {
  key: string;
  name: string;
  color: string;
}

/** A hall, as /api/v1/layouts has it. */
export interface Layout {
  seats: Seat[];
  /** Seats that are sold only together. */
  groups: number[][];
  categories: Category[];
  general_areas: Area[];
  screen: Point & { width: number };
}

export interface TicketType {
  key: string;
  name: string;
  prices: Record<string, number>;
}

/** A showtime, as /api/v1/showtimes has it, with the zone of its theatre. */
export interface Showtime {
  id: string;
  title: string;
  starts_at: string;
  theatre_id: string;
  theatre_name: string;
  auditorium_name: string;
  layout_hash: string;
  poster_hash: string | null;
  timezone: string;
  currency: string;
  currency_digits: number;
  prices: Record<string, number>;
  fees: { per_ticket_minor: number; per_booking_minor: number };
  ticket_types: TicketType[];
}

/** A seat or a place in an area, by its index in the layout. */
export interface Place {
  seat?: number;
  area?: number;
}

/** A line of a basket: a place and the key of its ticket type. */
export interface Line extends Place {
  ticket: string;
  price_minor?: number;
}

/** Red, green, blue: 0 … 255. */
export type Colour = number[];

/** The colours of a drawing. */
export interface Palette {
  text: Colour;
  surface: Colour;
  mine: Colour;
  held: Colour;
  taken: Colour;
  quiet: Colour;
  direction: CanvasDirection;
  font: string;
  /** The system's own colours are forced. */
  isForced: boolean;
  /** As much contrast as there can be. */
  isStrong: boolean;
}

/** What a seat shows. */
export type Look = SeatState;

/** What is written on an area. */
export interface AreaLook {
  text: string;
  full: boolean;
}

/** Texts of the drawn hall. */
export interface StageStrings {
  screen: string;
  hall: string;
  aisle: string;
  zoom: string;
  zoomIn: string;
  zoomOut: string;
  fit: string;
}

/** What whoever uses the stage decides. */
export interface StageOptions {
  look: (seat: number) => Look;
  describe: (seat: number) => string;
  lookArea?: (area: number) => AreaLook;
  strings: StageStrings;
}

/** Which part of the hall is seen: its middle, and CSS pixels a pitch. */
export interface View extends Point {
  scale: number;
}
