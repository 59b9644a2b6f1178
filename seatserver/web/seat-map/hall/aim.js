/**
 * What a tap or a click on the hall means: a seat, an area, "come nearer", "show all", or nothing. A seat that is too
 * small to be aimed at is not picked but comes nearer first. The stage does what is meant.
 */

import { PICKING } from "./camera.js";

/** @import { Area } from "../types.js" */
/** @import { Camera } from "./camera.js" */
/** @import { Plan } from "./plan.js" */
/** @import { Plane } from "./plane.js" */

// CSS pixels that a seat must have to be picked with that; smaller ones come nearer first.
/** @type {Record<string, number>} */
const AIM = { mouse: 14, pen: 24, touch: 44 };
const NEAR = 0.15; // pitches by which a finger may miss a seat

/** @typedef {{ x: number, y: number, type: string, isSecond: boolean, isDouble: boolean }} Tap as gestures.js tells it */
/**
 * What is meant, and with what: a seat, an area, or the scale that the view zooms to.
 * @typedef {object} Meaning
 * @property {"pick" | "pickarea" | "zoom" | "fit" | "nothing"} act
 * @property {number} seat
 * @property {number} area
 * @property {number} scale
 */

export class Aim {
  #plan;
  #areas;
  #camera;
  #plane;
  #cameNearer = false; // by the last tap
  /** The seat that the last tap picked. @type {number | null} */
  #tapped = null;

  /**
   * @param {Plan} plan
   * @param {Area[]} areas
   * @param {Camera} camera
   * @param {Plane} plane
   */
  constructor(plan, areas, camera, plane) {
    this.#plan = plan;
    this.#areas = areas;
    this.#camera = camera;
    this.#plane = plane;
  }

  /**
   * The seat at a point of the view, or null.
   * @param {number} x
   * @param {number} y
   */
  seatAt(x, y, reach = 0) {
    return this.#plan.seatAt(...this.#camera.toHall(x, y), reach);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #areaAt(x, y) {
    const [hallX, hallY] = this.#camera.toHall(x, y);
    return this.#areas.findIndex(
      (area) => Math.abs(area.x - hallX) <= area.width / 2 && Math.abs(area.y - hallY) <= area.height / 2,
    );
  }

  /**
   * What this tap means, after those before it.
   * @param {Tap} tap
   * @returns {Meaning}
   */
  meaningOf({ x, y, type, isSecond, isDouble }) {
    const seat = this.seatAt(x, y, type === "mouse" ? 0 : NEAR);
    const area = seat === null ? this.#areaAt(x, y) : -1;
    const { scale, isGliding, largest } = this.#camera;
    // A seat is as large as it is in the window, not as the page's style calls it.
    const magnified = this.#plane.scale;
    const picking = Math.min(PICKING / magnified, largest);
    const isSmall = scale < Math.min((AIM[type] ?? AIM.touch) / magnified, largest);
    /** @param {Meaning["act"]} act */
    const means = (act) => ({ act, seat: seat ?? -1, area, scale: picking });
    // The second tap of two that come quickly means no more than the first; a finger on a moving hall stops it.
    if ((isSecond && this.#cameNearer) || (isGliding && type !== "mouse")) return means("nothing");
    // Nor does a double click pick a seat twice, which would give it back.
    if (isDouble && seat !== null && seat === this.#tapped) return means("nothing");
    // Fingers that aim at something small may miss it; what they mean is to come nearer.
    this.#cameNearer = isSmall && (seat !== null || (type !== "mouse" && area < 0));
    this.#tapped = this.#cameNearer ? null : seat;
    if (this.#cameNearer) return means("zoom");
    if (seat !== null) return means("pick");
    if (area >= 0) return means("pickarea");
    if (!isSecond) return means("nothing");
    return means(scale < picking * 0.99 ? "zoom" : "fit");
  }
}
