/** The little that is needed to make HTML elements, here and in the pages. */

/**
 * An HTML element with properties and children; `dataset`, `style` (custom properties) and `attributes` are objects.
 * Children that are null, false or empty are left out.
 */
export function element(tag, { dataset = {}, style = {}, attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter(Boolean));
  return made;
}

/** A button that says `textContent` and does `act`. While its `ariaDisabled` is "true", it can only be looked at. */
export function button(textContent, act, properties = {}) {
  const made = element("button", { type: "button", textContent, ...properties });
  made.addEventListener("click", () => made.ariaDisabled !== "true" && act());
  return made;
}
