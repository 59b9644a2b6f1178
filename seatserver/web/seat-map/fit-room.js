/**
 * How much of the window's height the hall may take: all that the parts above, beside and below it leave in the first
 * view. The stylesheet does the sum (100svh minus --taken), so browser bars that appear and disappear move nothing.
 */

const GAP = 12; // CSS pixels below everything
const PRICES = 4; // em, where there is little room: two lines below the hall
const LOW = 480; // CSS pixels of the window's height; where it is no higher, what is below the hall is scrolled to
const DEEP = 0.6; // of the window's height: what begins below is scrolled to first, and then stands at the top

/**
 * Keep --taken of `frame`, and --top, what stands above it, up to date until `signal` aborts. `parts`: {map, view, dock},
 * the card around the hall, the hall's place in it, and what lies along the lower edge where there is little room.
 * @param {HTMLElement} frame
 * @param {{ map: HTMLElement, view: HTMLElement, dock: HTMLElement }} parts
 * @param {AbortSignal} signal
 */
export function fitRoom(frame, { map, view, dock }, signal) {
  const measure = () => {
    const home = frame.getBoundingClientRect().top + scrollY;
    const top = home < DEEP * innerHeight ? home : GAP;
    const isNarrow = getComputedStyle(frame).display === "flex";
    const above = view.getBoundingClientRect().top - frame.getBoundingClientRect().top;
    let taken = map.offsetHeight - view.offsetHeight + GAP;
    if (isNarrow) taken = above + dock.offsetHeight + PRICES * parseFloat(getComputedStyle(frame).fontSize);
    else if (innerHeight <= LOW) taken = above + GAP;
    frame.style.setProperty("--top", `${Math.ceil(top)}px`);
    frame.style.setProperty("--taken", `${Math.ceil(top + taken)}px`);
  };
  let before = "";
  // Not by its contents: parts that appear and disappear must not change its size.
  const look = () => {
    const { top, width } = frame.getBoundingClientRect();
    const now = [Math.round(top + scrollY), Math.round(width), innerHeight, getComputedStyle(frame).fontSize].join();
    if (now === before) return;
    before = now;
    measure();
  };
  const sizes = new ResizeObserver(look);
  for (const node of [frame, document.body]) sizes.observe(node);
  addEventListener("resize", look, { signal });
  signal.addEventListener("abort", () => sizes.disconnect());
  look();
}
