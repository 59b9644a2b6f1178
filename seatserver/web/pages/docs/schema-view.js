/**
 * JSON Schema (2020-12, as OpenAPI 3.1 and AsyncAPI 3 carry it) for readers: types in words, fields as a table,
 * an example.
 */

import { element } from "../shared/page.js";

const LIMITS = {
  const: (value) => `always ${JSON.stringify(value)}`,
  default: (value) => (isShort(value) ? `default ${JSON.stringify(value)}` : ""), // else its type tells the parts
  minimum: (value) => `at least ${value}`,
  maximum: (value) => `at most ${value}`,
  exclusiveMinimum: (value) => `more than ${value}`,
  exclusiveMaximum: (value) => `less than ${value}`,
  minLength: (value) => `at least ${value} characters`,
  maxLength: (value) => `at most ${value} characters`,
  minItems: (value) => `at least ${value}`,
  maxItems: (value) => `at most ${value}`,
  pattern: (value) => value,
};
const SAMPLES = { uuid: "3f2b8c1e-6d0a-4c57-9a51-0f6f5f1f2a77", "date-time": "2030-01-31T20:15:00+01:00" };

/** A text of the documents as nodes: what stands in `backticks` becomes code. */
export function prose(text = "") {
  return text.split("`").map((part, index) => (index % 2 ? element("code", { textContent: part }) : part));
}

/** The schema behind a `$ref` of `document`, or the schema itself. */
export function resolve(schema, document) {
  if (!schema.$ref) return schema;
  const found = schema.$ref
    .slice(2)
    .split("/")
    .reduce((part, key) => part[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  return resolve(found, document);
}

/** The type in words, as nodes; a `$ref` becomes a link to its section on the page, `<prefix>-<name>`. */
export function typeOf(schema, prefix) {
  const type = (inner) => typeOf(inner, prefix);
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return [element("a", { href: `#${prefix}-${name}`, textContent: name })];
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.flatMap((choice, index) => (index ? [" or ", ...type(choice)] : type(choice)));
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
  if (schema.prefixItems)
    return ["[", ...schema.prefixItems.flatMap((part, index) => (index ? [", ", ...type(part)] : type(part))), "]"];
  if (schema.type === "array") return ["list of ", ...(schema.items ? type(schema.items) : ["anything"])];
  if (schema.type === "object" && typeof schema.additionalProperties === "object")
    return ["map to ", ...type(schema.additionalProperties)];
  const type_ = [schema.type ?? "anything"].flat().join(" or ");
  return [schema.format ? `${type_} (${schema.format})` : type_];
}

/** A table of an object's fields; for anything else one line with its type. */
export function schemaView(schema, prefix) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return element("p", {}, ...typeOf(schema, prefix));
  const required = new Set(schema.required);
  const rows = fields.map(([name, field]) =>
    element(
      "tr",
      {},
      element(
        "th",
        { scope: "row" },
        element("code", { textContent: name }),
        required.has(name) ? null : element("small", { textContent: " optional" }),
      ),
      element("td", {}, ...typeOf(field, prefix)),
      element("td", {}, ...prose(field.description), limits(field)),
    ),
  );
  return element("div", { className: "wide" }, element("table", {}, element("tbody", {}, ...rows)));
}

function isShort(value) {
  return JSON.stringify(value).length < 30;
}

function limits(schema) {
  const found = Object.entries(LIMITS)
    .filter(([name]) => schema[name] !== undefined)
    .map(([name, say]) => say(schema[name]))
    .filter(Boolean);
  return found.length ? element("small", { className: "quiet", textContent: ` ${found.join(", ")}` }) : null;
}

/** `value` without the fields that say no more than their defaults do. */
export function brief(value, schema, document) {
  const real = resolve(schema, document);
  if (real.anyOf && value !== null) {
    const kind = real.anyOf.find(({ type }) => type !== "null");
    return brief(value, kind, document);
  }
  if (Array.isArray(value)) return real.items ? value.map((one) => brief(one, real.items, document)) : value;
  if (!real.properties) return value;
  const fields = Object.entries(value).filter(
    ([name, field]) =>
      real.required?.includes(name) || JSON.stringify(field) !== JSON.stringify(real.properties[name]?.default),
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, brief(field, real.properties[name], document)]));
}

/** A value that fits the schema: its own example where it has one, else the plainest there is. */
export function example(schema, document) {
  const real = resolve(schema, document);
  const one = (inner) => example(inner, document);
  for (const given of [real.examples?.[0], real.const, real.enum?.[0], real.default])
    if (given !== undefined) return given;
  const choices = real.anyOf ?? real.oneOf;
  if (choices) return one(choices.find((choice) => choice.type !== "null") ?? choices[0]);
  if (real.prefixItems) return real.prefixItems.map(one);
  if (real.properties)
    return Object.fromEntries(Object.entries(real.properties).map(([name, field]) => [name, one(field)]));
  if (real.type === "array") return real.items ? [one(real.items)] : [];
  if (real.type === "object") return {};
  if (real.type === "integer" || real.type === "number") return real.minimum ?? 1;
  if (real.type === "boolean") return true;
  return SAMPLES[real.format] ?? "text";
}
