/**
 * A film's poster. A card with the film's title is always there, in its final size. The picture covers it when it has
 * come; if it does not come, or there is none, the card is what one sees. Beside it stands the title, so assistive
 * technology passes it over.
 */

import { element } from "../../shared/dom.js";

/**
 * @param {string} title
 * @param {string | null | undefined} hash of the picture, if there is one; an older server names none
 */
export function poster(title, hash) {
  const words = element("span", { textContent: title, dir: "auto" });
  const [size, hue] = [sizeOf(title), hueOf(title)];
  return element(
    "div",
    { className: "poster", ariaHidden: "true", dataset: { size }, style: { "--hue": hue } },
    words,
    hash && picture(hash),
  );
}

/**
 * The film's colour.
 * @param {string} title
 */
export function hueOf(title) {
  return [...title].reduce((sum, letter) => (sum * 31 + Number(letter.codePointAt(0))) % 360, 7);
}

/**
 * The smaller the longer it is.
 * @param {string} title
 */
function sizeOf(title) {
  const longest = Math.max(...title.split(/\s+/).map((word) => word.length));
  return title.length > 40 || longest > 13 ? "small" : title.length > 18 || longest > 9 ? "middle" : "large";
}

/** @param {string} hash */
function picture(hash) {
  const image = element("img", { alt: "", loading: "lazy", decoding: "async", src: `/api/v1/posters/${hash}` });
  const show = () => {
    image.dataset.shown = "";
  };
  // What this page has shown before is there at once, so that nothing flickers when it is drawn again.
  if (image.complete && image.naturalWidth > 0) {
    image.decoding = "sync";
    show();
  }
  image.addEventListener("load", show);
  image.addEventListener("error", () => image.remove());
  return image;
}
