// Shows the OpenAPI document that the server made of its own routes. No framework and nothing loaded from elsewhere.
"use strict";

// The folder this script came from, whatever the base path: …/docs/.
const folder = new URL(".", document.currentScript.src).href;

function element(name, properties = {}, ...children) {
  const { className, ...attributes } = properties;
  const node = document.createElement(name);
  if (className) node.className = className;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// example makes a value of a schema, following references once each so that recursive schemas end.
function example(doc, schema, seen = []) {
  if (!schema) return null;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name)) return {};
    return example(doc, doc.components.schemas[name], [...seen, name]);
  }
  for (const key of ["oneOf", "anyOf", "allOf"]) {
    if (schema[key]) return example(doc, schema[key][0], seen);
  }
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== "null") : schema.type;
  switch (type) {
    case "object": {
      const value = {};
      for (const [name, property] of Object.entries(schema.properties || {})) value[name] = example(doc, property, seen);
      if (!schema.properties && schema.additionalProperties) value.name = example(doc, schema.additionalProperties, seen);
      return value;
    }
    case "array": return [example(doc, schema.items, seen)];
    case "integer": case "number": return schema.minimum || 0;
    case "boolean": return false;
    case "string": return schema.format === "date-time" ? "2027-01-01T00:00:00.000Z" : "string";
    default: return null;
  }
}

const jsonSchema = (content) => content && (content["application/json"] || Object.values(content)[0] || {}).schema;
const pretty = (value) => JSON.stringify(value, null, 2);
const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split("/").pop() : "");

function parameters(list) {
  const rows = list.map((p) => element("tr", {},
    element("td", {}, element("code", {}, p.name)), element("td", {}, p.in + (p.required ? ", required" : "")),
    element("td", {}, p.description || "")));
  return element("table", {}, element("tbody", {}, ...rows));
}

function responses(doc, operation) {
  const parts = [];
  for (const [code, response] of Object.entries(operation.responses || {})) {
    const schema = jsonSchema(response.content);
    parts.push(element("h3", {}, `${code} ${response.description || ""} `, element("code", {}, nameOf(schema))));
    if (schema && code < "300") parts.push(element("pre", {}, pretty(example(doc, schema))));
  }
  return parts;
}

function curl(doc, method, path, operation) {
  const base = folder.replace(/\/docs\/$/, "");
  const lines = [`curl -X ${method.toUpperCase()} '${base}${path}'`, "  -H 'Authorization: <token>'"];
  const body = operation.requestBody && jsonSchema(operation.requestBody.content);
  if (body) {
    lines.push("  -H 'Content-Type: application/json'");
    lines.push(`  -d '${JSON.stringify(example(doc, body)).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n");
}

function details(doc, method, path, operation) {
  const content = element("div", {});
  const text = operation.description || "";
  if (text) content.append(element("p", {}, text));
  if (operation.parameters && operation.parameters.length) {
    content.append(element("h3", {}, "Parameters"), parameters(operation.parameters));
  }
  const body = operation.requestBody && jsonSchema(operation.requestBody.content);
  if (body) {
    content.append(element("h3", {}, "Request body ", element("code", {}, nameOf(body))), element("pre", {}, pretty(example(doc, body))));
  }
  content.append(element("h3", {}, "Example"), element("pre", {}, curl(doc, method, path, operation)));
  content.append(...responses(doc, operation));
  return content;
}

function entry(doc, method, path, operation) {
  const node = element("details", { id: operation.operationId || method + path, className: operation.deprecated ? "deprecated" : "" },
    element("summary", {}, element("span", { className: `method ${method}` }, method.toUpperCase()),
      element("span", { className: "path" }, path), element("span", { className: "summary" }, operation.summary || "")));
  // The body is made when it is first opened: a document of hundreds of operations shows at once.
  node.addEventListener("toggle", () => {
    if (node.open && node.children.length === 1) node.append(details(doc, method, path, operation));
  });
  const words = [method, path, operation.operationId, operation.summary, ...(operation["x-permission"] || [])];
  node.dataset.words = words.join(" ").toLowerCase();
  return node;
}

function render(doc) {
  document.getElementById("version").textContent = doc.info.version;
  document.getElementById("description").textContent = doc.info.description || "";
  const byTag = new Map();
  for (const [path, item] of Object.entries(doc.paths).sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const operation = item[method];
      if (!operation) continue;
      const tag = (operation.tags || ["Other"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(entry(doc, method, path, operation));
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren(...[...byTag.keys()].sort().map((tag) => element("section", {}, element("h2", {}, tag), ...byTag.get(tag))));
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked) { linked.open = true; linked.scrollIntoView(); }
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("section")) {
    let shown = 0;
    for (const node of section.querySelectorAll("details")) {
      node.hidden = !words.every((word) => node.dataset.words.includes(word));
      if (!node.hidden) shown++;
    }
    section.hidden = shown === 0;
  }
}

document.getElementById("json").href = folder + "openapi.json";
document.getElementById("yaml").href = folder + "openapi.yaml";
document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
fetch(folder + "openapi.json")
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
  .then(render)
  .catch((error) => document.getElementById("operations").replaceChildren(element("p", {}, `The document cannot be read: ${error.message}`)));
