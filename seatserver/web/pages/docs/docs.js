/** The readable API page, drawn in the browser from /openapi.json and /asyncapi.json. Loads nothing from elsewhere. */

import { byId, element, fetchJson } from "../shared/page.js";
import { brief, example, prose, resolve, schemaView, typeOf } from "./schema-view.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function section(id, title, ...children) {
  return element("section", { id }, element("h2", { textContent: title }), ...children);
}

function code(text) {
  return element("pre", {}, element("code", { textContent: text }));
}

/** JSON for readers: whatever fits in a line stands in one. */
function spread(value, indent = "") {
  const compact = JSON.stringify(value);
  if (compact.length + indent.length < 90 || typeof value !== "object") return compact;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((one) => spread(one, inner))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${spread(one, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

function json(value) {
  return code(spread(value));
}

/** Blank lines separate paragraphs; other line ends are only how the source was wrapped. */
function paragraphs(text = "") {
  return text ? text.split("\n\n").map((part) => element("p", {}, ...prose(part))) : [];
}

/** One folded block with an address of its own. */
function fold(id, summary, ...body) {
  return element("details", { id }, element("summary", {}, ...summary), element("div", { className: "body" }, ...body));
}

// -------------------------------------------------------------------- REST

function operations(rest) {
  return Object.entries(rest.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      path,
      method,
      ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map((one) => resolve(one, rest)),
    })),
  );
}

function operationView(operation, rest) {
  const { path, method, summary, description, parameters, requestBody, responses, operationId } = operation;
  const summaryLine = [
    element("b", { className: "method", dataset: { method }, textContent: method.toUpperCase() }),
    element("code", { textContent: path }),
    element("span", { className: "quiet" }, ...prose(summary)),
  ];
  /** @type {HTMLElement[]} */
  const body = paragraphs(description);
  if (parameters.length > 0) body.push(element("h4", { textContent: "Parameters" }), parametersView(parameters));
  if (requestBody) {
    const { content } = resolve(requestBody, rest);
    body.push(element("h4", { textContent: "Request" }), ...contentView(content));
    const [{ schema }] = Object.values(content); // JSON, or a form
    const asked = resolve(schema, rest);
    if (asked.properties) body.push(...paragraphs(asked.description), schemaView(asked, "schema"));
  }
  body.push(element("h4", { textContent: "Try it" }), code(curl(operation, rest)));
  body.push(element("h4", { textContent: "Answers" }), ...answerView(responses, rest), responsesView(responses, rest));
  return fold(operationId ?? `${method}${path}`, summaryLine, ...body);
}

function parametersView(parameters) {
  const properties = Object.fromEntries(
    parameters.map(({ name, schema, description, in: place }) => [
      name,
      { ...schema, description: `In the ${place}. ${description ?? schema.description ?? ""}` },
    ]),
  );
  const required = parameters.filter((one) => one.required).map(({ name }) => name);
  return schemaView({ properties, required }, "schema");
}

function contentView(content = {}) {
  return Object.entries(content).map(([type, { schema = {} }]) =>
    element("p", {}, ...typeOf(schema, "schema"), element("small", { className: "quiet", textContent: ` ${type}` })),
  );
}

/** An example of what comes when all is well. */
function answerView(responses, rest) {
  const [, done] = Object.entries(responses).find(([status]) => Number(status) < 300) ?? [];
  const schema = resolve(done, rest).content?.["application/json"]?.schema;
  return schema ? [json(example(schema, rest))] : [];
}

function responsesView(responses, rest) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const { description, content } = resolve(response, rest);
    return element(
      "tr",
      { className: Number(status) < 400 ? "good" : "bad" },
      element("th", { scope: "row", textContent: status }),
      element("td", {}, ...prose(description), ...contentView(content)),
    );
  });
  return element("div", { className: "wide" }, element("table", {}, element("tbody", {}, ...rows)));
}

/** A text as one word of the shell. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl({ path, method, parameters, requestBody, security }, rest) {
  const needed = parameters.filter((one) => one.in === "query" && one.required);
  const query = needed.map(({ name, schema }) => `${name}=${example(schema, rest)}`).join("&");
  const parts = ["curl"];
  if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  if ((security ?? rest.security ?? []).some((way) => Object.keys(way).length > 0))
    parts.push(`-H "Authorization: Bearer $TOKEN"`);
  const [type, { schema }] = requestBody ? Object.entries(resolve(requestBody, rest).content)[0] : ["", {}];
  if (type === "application/json") {
    const body = spread(brief(example(schema, rest), schema, rest), "  ");
    parts.push(`-H "Content-Type: application/json"`, `-d ${quoted(body)}`);
  }
  if (type === "application/x-www-form-urlencoded") {
    const fields = Object.entries(example(schema, rest));
    parts.push(...fields.map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`));
  }
  if (schema?.format === "binary") parts.push("--data-binary @$FILE");
  const filled = path.replace(/{(\w+)}/g, (_, name) => `$${name.toUpperCase()}`); // for the shell, as $TOKEN
  parts.push(`"${location.origin}${filled}${query && `?${query}`}"`);
  return parts.join(" \\\n  ");
}

function restSections(rest) {
  const all = operations(rest);
  const tags = [...new Set(all.flatMap((operation) => operation.tags ?? ["other"]))];
  const about = Object.fromEntries((rest.tags ?? []).map(({ name, description }) => [name, description]));
  return tags.map((tag) =>
    section(
      `rest-${tag}`,
      `REST: ${tag}`,
      ...paragraphs(about[tag]),
      ...all
        .filter((operation) => (operation.tags ?? ["other"])[0] === tag)
        .map((operation) => operationView(operation, rest)),
    ),
  );
}

// -------------------------------------------------------------------- socket

function socketSections(socket) {
  const channels = Object.values(socket.channels);
  const about = channels.flatMap((channel) => [
    code(`${location.origin.replace("http", "ws")}${channel.address}`),
    ...paragraphs(channel.description),
    codeTable("Error codes", channel["x-error-codes"], ([name, { retryable, description }]) => [
      name,
      retryable ? "try again" : "",
      description,
    ]),
    codeTable("Close codes", channel["x-close-codes"], ([number, { name, description }]) => [
      number,
      name,
      description,
    ]),
  ]);
  const all = Object.values(socket.operations);
  const yours = all.filter(({ action }) => action === "receive");
  const unasked = all.filter(({ action }) => action === "send");
  const replies = new Map(
    yours.flatMap(({ messages, reply }) => messages.map((one) => [resolve(one, socket), reply?.messages ?? []])),
  );
  const said = new Set(
    [...replies.values(), ...unasked.map(({ messages }) => messages)].flat().map((one) => resolve(one, socket)),
  );
  return [
    section("socket", "Socket", ...paragraphs(socket.info.description), ...about),
    section(
      "socket-client",
      "Socket: what you send",
      ...[...replies].map(([one, answers]) => messageView(`send-${one.name}`, one, answers, socket, brief)),
    ),
    section(
      "socket-server",
      "Socket: what the server says",
      ...[...said].map((one) => messageView(`say-${one.name}`, one, [], socket)),
    ),
  ];
}

function codeTable(title, codes, cells) {
  const rows = Object.entries(codes ?? {}).map((entry) => {
    const [head, word, description] = cells(entry);
    return element(
      "tr",
      {},
      element("th", { scope: "row", textContent: head }),
      element("td", {}, element("code", { textContent: word })),
      element("td", {}, ...prose(description)),
    );
  });
  return element(
    "details",
    {},
    element("summary", {}, title),
    element("div", { className: "body wide" }, element("table", {}, element("tbody", {}, ...rows))),
  );
}

/**
 * `shorten` its examples, where what it leaves out is understood.
 * @param {string} id
 * @param {any} message
 * @param {any[]} replies
 * @param {any} socket
 * @param {(value: any, payload: any, socket: any) => any} shorten
 */
function messageView(id, message, replies, socket, shorten = (value) => value) {
  const payload = resolve(message.payload, socket);
  const summaryLine = [
    element("code", { textContent: message.name }),
    element("span", { className: "quiet" }, ...prose(message.summary)),
  ];
  const examples = message.examples?.map((one) => one.payload) ?? [example(payload, socket)];
  const answers =
    replies.length > 0 ? `Answered by ${replies.map((one) => `\`${resolve(one, socket).name}\``).join(", ")}.` : "";
  return fold(
    id,
    summaryLine,
    ...paragraphs(message.description ?? payload.description?.split("\n\n").slice(1).join("\n\n")),
    schemaView(payload, "data"),
    ...paragraphs(answers),
    element("h4", { textContent: "Example" }),
    ...examples.map((one) => json(shorten(one, payload, socket))),
  );
}

// -------------------------------------------------------------------- data types and the page

function schemaSection(id, title, prefix, document) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  return section(
    id,
    title,
    ...schemas.map(([name, schema]) =>
      fold(
        `${prefix}-${name}`,
        [element("code", { textContent: name }), element("span", { className: "quiet" }, ...prose(schema.description))],
        schemaView(schema, prefix),
      ),
    ),
  );
}

function contents(sections) {
  return sections.map((one) => element("a", { href: `#${one.id}`, textContent: one.querySelector("h2")?.textContent }));
}

/** A link into a folded block opens it. */
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
  target?.scrollIntoView();
}

async function start() {
  const page = byId("docs");
  try {
    const [rest, socket] = await Promise.all([fetchJson("/openapi.json"), fetchJson("/asyncapi.json")]);
    const sections = [
      ...restSections(rest),
      ...socketSections(socket),
      schemaSection("schemas", "Data types of REST", "schema", rest),
      schemaSection("data", "Data types of the socket", "data", socket),
    ];
    page.replaceChildren(
      element("h1", { textContent: `${rest.info.title} ${rest.info.version}` }),
      ...paragraphs(rest.info.description),
      ...sections,
    );
    byId("contents").replaceChildren(...contents(sections));
    addEventListener("hashchange", openTarget);
    openTarget();
  } catch (error) {
    page.replaceChildren(
      element("p", { className: "notice bad", textContent: `The documents cannot be shown: ${error.message}.` }),
    );
  }
}

await start();
