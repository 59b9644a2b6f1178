/** The elements that the drawn hall is made of: the canvas, the grid's place, two rings around seats, three buttons. */

import { button, element, icon } from "../../shared/dom.js";
import { Plane } from "./plane.js";

/** @import { StageStrings } from "../types.js" */

const ICONS = {
  zoomIn: "M12 5 V19 M5 12 H19",
  zoomOut: "M5 12 H19",
  fit: "M4 9 V4 H9 M15 4 H20 V9 M20 15 V20 H15 M9 20 H4 V15",
};
/** @type {Use[]} */
const USES = ["zoomIn", "zoomOut", "fit"];
const SMALLEST_RING = 16; // CSS pixels
const AROUND = 6; // CSS pixels that the ring of the focus reaches out

/** @typedef {"zoomIn" | "zoomOut" | "fit"} Use what a button is for */

export class StageFrame {
  /** All of it. */
  node;
  canvas = element("canvas", { ariaHidden: "true" });
  grid = element("div", { className: "stage-grid" });
  /** How it lies in the window. */
  plane;
  #rings = {
    hover: element("div", { className: "stage-ring", hidden: true, dataset: { for: "hover" } }),
    focus: element("div", { className: "stage-ring", hidden: true, dataset: { for: "focus" } }),
  };
  #buttons;

  /**
   * `sizes` are the custom properties of style/stage.js; `strings` as Stage has them; `acts` by button.
   * @param {Record<string, string | number>} sizes
   * @param {StageStrings} strings
   * @param {Record<Use, () => void>} acts
   */
  constructor(sizes, strings, acts) {
    /** @param {Use} name */
    const make = (name) => {
      const made = button("", acts[name], { title: strings[name], ariaLabel: strings[name] });
      made.append(icon(ICONS[name]));
      return made;
    };
    this.#buttons = { zoomIn: make("zoomIn"), zoomOut: make("zoomOut"), fit: make("fit") };
    const attributes = { role: "group", "aria-label": strings.zoom };
    const buttons = element("div", { className: "stage-zoom", attributes }, ...Object.values(this.#buttons));
    const style = Object.fromEntries(Object.entries(sizes).map(([name, value]) => [`--stage-${name}`, value]));
    const rings = Object.values(this.#rings);
    this.node = element("div", { className: "stage", style }, this.canvas, this.grid, ...rings, buttons);
    this.plane = new Plane(this.node);
  }

  /**
   * What of zooming is of use now.
   * @param {Record<Use, boolean>} can
   */
  allow(can) {
    for (const name of USES) this.#buttons[name].ariaDisabled = String(!can[name]);
  }

  /**
   * Put the "hover" or "focus" ring around a seat of `side` CSS pixels with its middle at (x, y); null: nowhere.
   * @param {"hover" | "focus"} name
   * @param {{ x: number, y: number, side: number } | null} place
   */
  placeRing(name, place) {
    const node = this.#rings[name];
    node.hidden = place === null;
    if (place === null) return;
    const side = Math.max(SMALLEST_RING, place.side) + (name === "focus" ? AROUND : 0);
    node.style.inlineSize = node.style.blockSize = `${side}px`;
    node.style.transform = `translate(${place.x - side / 2}px, ${place.y - side / 2}px)`;
  }
}
