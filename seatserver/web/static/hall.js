/**
 * The hall as SVG, drawn from the layout's own coordinates: screen at the top, rows as they stand, sofas joined, areas
 * without numbered seats as rectangles.
 *
 * It draws and reports, and decides nothing: the page says which state each seat shows and what its label reads, and
 * listens to "pick". Seats are buttons; one of them is in the tab order, and the arrow keys walk from seat to seat.
 * Areas are pictures only ("pickarea" tells of a click): what chooses places in them stands beside the map.
 */

const UNIT = 40; // drawing units per seat pitch
const HALF = 17; // half of a seat's side: a little air between neighbours
const EDGE = 1; // pitches of margin at the sides, where the row labels stand
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Hall extends EventTarget {
  #svg;
  #layout;
  #seats = [];
  #areas = [];
  #tabStop = 0;

  /** Draws `layout` (see /api/v1/layouts) into the empty `svg`. */
  constructor(svg, layout) {
    super();
    this.#svg = svg;
    this.#layout = layout;
    const seats = layout.seats.map(({ x, y }) => ({ x, y, width: 1, height: 1 }));
    const parts = [...seats, ...layout.general_areas];
    const left = Math.min(...parts.map(({ x, width }) => x - width / 2)) - EDGE;
    const right = Math.max(...parts.map(({ x, width }) => x + width / 2)) + EDGE;
    const front = Math.min(...parts.map(({ y, height }) => y - height / 2));
    const screenY = Math.max(front - 3.5, Math.min(layout.screen.y, front - 1));
    const top = screenY - 0.9;
    const bottom = Math.max(...parts.map(({ y, height }) => y + height / 2)) + 0.5;
    svg.setAttribute("viewBox", [left, top, right - left, bottom - top].map((part) => part * UNIT).join(" "));
    svg.style.setProperty("--pitches", right - left);
    this.#drawScreen(screenY);
    for (const area of layout.general_areas) this.#drawArea(area);
    this.#drawRowLabels();
    for (const group of layout.groups) this.#drawSofa(group);
    layout.seats.forEach((seat, index) => this.#drawSeat(seat, index));
    if (layout.seats.length > 0) this.#moveTabStop(0);
    this.#listen();
    // Where the hall is wider than the window, its middle comes first.
    const stage = svg.parentElement;
    stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
  }

  /** Show seat `index` in `state` (a word, see seatmap.css) with `label` as its spoken name and title. */
  paint(index, state, label, enabled) {
    const node = this.#seats[index];
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      node.lastChild.setAttribute("href", `#glyph-${state === "free" ? this.#layout.seats[index].kind : state}`);
    }
    if (node.getAttribute("aria-label") !== label) node.setAttribute("aria-label", label);
    node.setAttribute("aria-disabled", String(!enabled));
    node.setAttribute("aria-pressed", String(state === "mine"));
  }

  #drawScreen(y) {
    const { x, width } = this.#layout.screen;
    const [from, to] = [x - width / 2, x + width / 2].map((end) => end * UNIT);
    const curve = `M${from} ${y * UNIT} Q${x * UNIT} ${(y - 0.8) * UNIT} ${to} ${y * UNIT}`;
    const light = `${curve} l${0.9 * UNIT} ${1.2 * UNIT} H${from - 0.9 * UNIT} Z`;
    const caption = draw("text", { class: "screen-name", x: x * UNIT, y: (y + 0.25) * UNIT });
    caption.textContent = "Screen";
    this.#svg.append(draw("path", { fill: "url(#beam)", d: light }), draw("path", { class: "screen", d: curve }), caption);
  }

  /** A row's letter at both ends, each at the height of the row's last seat on that side. */
  #drawRowLabels() {
    const xs = this.#layout.seats.map((seat) => seat.x);
    const [left, right] = [Math.min(...xs) - 0.95, Math.max(...xs) + 0.95];
    for (const row of Map.groupBy(this.#layout.seats, (seat) => seat.row).values()) {
      const first = row.reduce((a, b) => (b.x < a.x ? b : a));
      const last = row.reduce((a, b) => (b.x > a.x ? b : a));
      for (const [x, y] of [
        [left, first.y],
        [right, last.y],
      ]) {
        const label = draw("text", { class: "row", x: x * UNIT, y: y * UNIT, "aria-hidden": "true" });
        label.textContent = first.row;
        this.#svg.append(label);
      }
    }
  }

  #drawArea({ name, category, x, y, width, height }) {
    const node = draw("g", { class: "area", "aria-hidden": "true" });
    node.dataset.area = this.#areas.length;
    node.style.setProperty("--category", this.#colorOf(category));
    const [left, top] = [(x - width / 2) * UNIT, (y - height / 2) * UNIT];
    const text = draw("text", { x: x * UNIT, y: y * UNIT });
    // Room for the name and what is left, however small the area is.
    text.style.fontSize = `${Math.min(22, 0.45 * height * UNIT, (1.7 * width * UNIT) / (name.length + 12))}px`;
    node.append(draw("rect", { x: left, y: top, width: width * UNIT, height: height * UNIT, rx: 9 }), text);
    this.#svg.append(node);
    this.#areas.push(node);
  }

  /** Write `text` on an area. */
  paintArea(index, text, full) {
    this.#areas[index].dataset.full = String(full);
    this.#areas[index].lastChild.textContent = text;
  }

  #colorOf(category) {
    return this.#layout.categories.find(({ key }) => key === category).color;
  }

  /** One piece of furniture behind the seats of a group. */
  #drawSofa(group) {
    const seats = group.map((index) => this.#layout.seats[index]);
    const x = Math.min(...seats.map((seat) => seat.x)) * UNIT - HALF - 2;
    const y = Math.min(...seats.map((seat) => seat.y)) * UNIT - HALF - 1;
    const width = Math.max(...seats.map((seat) => seat.x)) * UNIT + HALF + 2 - x;
    const height = Math.max(...seats.map((seat) => seat.y)) * UNIT + HALF + 4 - y;
    this.#svg.append(draw("rect", { class: "sofa", x, y, width, height, rx: 9 }));
  }

  #drawSeat({ x, y, number, category, kind = "standard" }, index) {
    const node = draw("g", {
      class: `seat ${kind}`,
      role: "button",
      tabindex: -1,
      transform: `translate(${x * UNIT} ${y * UNIT})`,
    });
    node.dataset.seat = index;
    const color = this.#colorOf(category);
    node.style.setProperty("--category", color);
    node.style.setProperty("--ink-on", inkOn(color));
    // Halves of a sofa meet in the middle.
    const [reachLeft, reachRight] = [
      kind === "sofa_right" || kind === "sofa_middle",
      kind === "sofa_left" || kind === "sofa_middle",
    ];
    const from = reachLeft ? -UNIT / 2 + 0.75 : -HALF;
    const width = (reachRight ? UNIT / 2 - 0.75 : HALF) - from;
    const text = draw("text", { class: "number" });
    text.textContent = number;
    node.append(
      draw("rect", { class: "body", x: from, y: -HALF, width, height: 2 * HALF, rx: 8 }),
      draw("path", { class: "back", d: `M${from + 6} ${HALF - 3.5} H${from + width - 6}` }),
      text,
      draw("use", { class: "glyph", x: -UNIT / 2, y: -UNIT / 2, width: UNIT, height: UNIT }),
    );
    this.#svg.append(node);
    this.#seats.push(node);
  }

  #listen() {
    // Not on the svg itself: Chromium puts an svg that listens for the keyboard into the tab order.
    const stage = this.#svg.parentElement;
    const seatOf = (event) => {
      const node = event.target.closest(".seat");
      return node ? Number(node.dataset.seat) : null;
    };
    const report = (name, index) => this.dispatchEvent(new CustomEvent(name, { detail: index }));
    const pick = (index) => index !== null && report("pick", index);
    stage.addEventListener("click", (event) => {
      pick(seatOf(event));
      const area = event.target.closest(".area");
      if (area) report("pickarea", Number(area.dataset.area));
    });
    stage.addEventListener("pointerover", (event) => report("point", seatOf(event)));
    stage.addEventListener("pointerleave", () => report("point", null));
    stage.addEventListener("focusout", () => report("point", null));
    stage.addEventListener("focusin", (event) => {
      const index = seatOf(event);
      if (index === null) return;
      this.#moveTabStop(index);
      report("point", index);
    });
    stage.addEventListener("keydown", (event) => {
      const index = seatOf(event);
      if (index === null || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in ARROWS) this.#seats[this.#neighbour(index, ...ARROWS[event.key])].focus();
      else if (event.key === "Enter" || event.key === " ") pick(index);
      else return;
      event.preventDefault();
    });
  }

  /** Where seat `index` is on the page, for what is shown beside it. */
  boxOf(index) {
    return this.#seats[index].getBoundingClientRect();
  }

  #moveTabStop(index) {
    this.#seats[this.#tabStop].setAttribute("tabindex", -1);
    this.#tabStop = index;
    this.#seats[index].setAttribute("tabindex", 0);
  }

  /** The nearest seat in a direction: straight ahead counts more than near. The seat itself at the edge. */
  #neighbour(index, dx, dy) {
    const { seats } = this.#layout;
    const here = seats[index];
    let best = index;
    let least = Infinity;
    seats.forEach((seat, candidate) => {
      const ahead = (seat.x - here.x) * dx + (seat.y - here.y) * dy;
      const aside = Math.abs((seat.x - here.x) * dy) + Math.abs((seat.y - here.y) * dx);
      if (ahead > 0.2 && ahead + 3 * aside < least) {
        least = ahead + 3 * aside;
        best = candidate;
      }
    });
    return best;
  }
}

function draw(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Black or white, whichever reads better on `#rrggbb` (relative luminance of WCAG 2, sRGB gamma taken as 2.2). */
export function inkOn(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}
