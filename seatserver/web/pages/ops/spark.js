/** Draws a figure's last minutes as a small line. Missing values are gaps. */

const LENGTH = 150; // polls: five minutes
const SHORTEST = 30; // polls that fill the width at first, so that the line does not start in a corner
const WIDTH = 150;
const HEIGHT = 32;
const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} attributes
 */
function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export class Spark {
  /** For the page; decoration, since the figure beside it says the newest value. */
  element = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  /** @type {(number | null)[]} */
  #values = [];
  #line = svg("path", { class: "line" });
  #under = svg("path", { class: "under" });

  constructor() {
    this.element.append(this.#under, this.#line);
  }

  /**
   * A number, or null where there is none.
   * @param {number | null} value
   */
  push(value) {
    this.#values.push(value);
    if (this.#values.length > LENGTH) this.#values.shift();
    this.#draw();
  }

  #draw() {
    const most = Math.max(1e-9, ...this.#values.map((value) => value ?? 0));
    const length = Math.max(SHORTEST, this.#values.length);
    const first = length - this.#values.length;
    /**
     * @param {number} value
     * @param {number} at
     */
    const place = (value, at) => {
      const x = ((first + at + 0.5) / length) * WIDTH;
      const y = HEIGHT - 2 - (value / most) * (HEIGHT - 5);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    };
    /** @type {string[][]} */
    const stretches = [];
    this.#values.forEach((value, at) => {
      if (value === null) return;
      const isNew = at === 0 || this.#values[at - 1] === null;
      if (isNew) stretches.push([]);
      stretches[stretches.length - 1].push(place(value, at));
    });
    /** @param {string} point */
    const foot = (point) => `${point.split(" ")[0]} ${HEIGHT}`;
    this.#line.setAttribute("d", stretches.map((points) => `M${points.join("L")}h0.01`).join(""));
    this.#under.setAttribute(
      "d",
      stretches.map((points) => `M${foot(points[0])}L${points.join("L")}L${foot(points[points.length - 1])}Z`).join(""),
    );
  }
}
