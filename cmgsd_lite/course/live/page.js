// What every moving picture needs: elements, controls, numbers, colours. It asks no network.

const STYLE = `
.cmgsd-live { --ink: #1a1a1a; --ground: #ffffff; --soft: #767676; --faint: #d9d9d9;
  --0: #0173b2; --1: #b36b00; --2: #027a5b; --3: #c04a00; --4: #a8528f;
  color: var(--ink); background: var(--ground); font: 16px/1.4 system-ui, sans-serif; padding: .5rem; max-width: 62rem; }
@media (prefers-color-scheme: dark) { .cmgsd-live { --ink: #f0f0f0; --ground: #161616; --soft: #a6a6a6; --faint: #444;
  --0: #5ab4e8; --1: #f0b342; --2: #3fc79a; --3: #ff8a4d; --4: #e79ad0; } }
[data-jp-theme-light="true"] .cmgsd-live { --ink: #1a1a1a; --ground: #ffffff; --soft: #767676; --faint: #d9d9d9;
  --0: #0173b2; --1: #b36b00; --2: #027a5b; --3: #c04a00; --4: #a8528f; }
[data-jp-theme-light="false"] .cmgsd-live { --ink: #f0f0f0; --ground: #161616; --soft: #a6a6a6; --faint: #444;
  --0: #5ab4e8; --1: #f0b342; --2: #3fc79a; --3: #ff8a4d; --4: #e79ad0; }
.cmgsd-live .row { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: flex-start; }
.cmgsd-live .picture { flex: 1 1 20rem; min-width: 0; max-width: 34rem; }
.cmgsd-live .panel { flex: 1 1 17rem; min-width: 0; }
.cmgsd-live svg { width: 100%; height: auto; display: block; }
.cmgsd-live svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.cmgsd-live label { display: grid; grid-template-columns: 7rem 1fr 3rem; gap: .5rem; align-items: center; margin: .2rem 0; }
.cmgsd-live input, .cmgsd-live select, .cmgsd-live button { font: inherit; min-width: 0; color: var(--ink);
  background: var(--ground); border: 1px solid var(--soft); border-radius: 4px; }
.cmgsd-live input[type="range"] { accent-color: var(--0); border: 0; padding: 0; }
.cmgsd-live button { padding: .15rem .7rem; margin: .2rem .4rem .2rem 0; cursor: pointer; }
.cmgsd-live :focus-visible { outline: 3px solid var(--1); outline-offset: 1px; }
.cmgsd-live fieldset { border: 2px solid var(--0); border-radius: 6px; margin: .4rem 0; }
.cmgsd-live table { border-collapse: collapse; color: inherit; margin: .3rem 0; font-size: inherit; }
.cmgsd-live th, .cmgsd-live td { padding: .15rem .35rem; text-align: right; font-weight: normal;
  white-space: nowrap; color: inherit; }
.cmgsd-live p { margin: .3rem 0; }
`;

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function element(kind, attributes = {}, ...children) {
  return filled(document.createElement(kind), attributes, children);
}

function shape(kind, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", kind), attributes, children);
}

function set(made, attributes) {
  return filled(made, attributes, []);
}

// A label around a real <input>: keyboard and screen readers know it. `moved` while it slides, `left` at the end.
function slider(name, [least, most, step], value, moved, left = () => {}) {
  const digits = Number.isInteger(step) ? 0 : 2;
  const shown = element("span", { "aria-hidden": "true" }, show(value, digits)); // the slider tells its value itself
  const input = element("input", {
    type: "range", "aria-label": name, min: least, max: most, step, value,
    input: () => { shown.textContent = show(+input.value, digits); moved(+input.value); },
    change: () => left(+input.value),
  });
  return element("label", {}, name, input, shown);
}

function choice(name, options, value, chosen) {
  const select = element("select", { "aria-label": name, change: () => chosen(select.value) },
    ...options.map(option => element("option", { value: option }, option)));
  select.value = value;
  return element("label", {}, name, select);
}

function button(text, pressed) {
  return element("button", { type: "button", click: pressed }, text);
}

// What changes is read out by screen readers, when it has come to rest.
function announcer() {
  return element("p", { role: "status", "aria-live": "polite" });
}

function show(value, digits = 2) {
  const text = (Object.is(value, -0) ? 0 : value).toFixed(digits);
  return +text === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Settings: those of the picture, those of the cell, those of the address, which may hold several pictures':
// page.html#circle?loss=hardest&margin=.4;matrix?margin=.1
function settings(name, usual, given) {
  const found = { ...usual, ...given };
  const parts = location.hash.slice(1).split(";").map(part => part.split("?"));
  const [, query = ""] = parts.find(([page]) => page === name) ?? [];
  for (const [key, text] of new URLSearchParams(query)) {
    if (!(key in usual)) continue;
    if (Array.isArray(usual[key])) found[key] = text.split(",").map(Number);
    else if (typeof usual[key] !== "number") found[key] = text;
    else if (Number.isFinite(+text)) found[key] = +text;
  }
  return found;
}

// Says what differs from the usual to whoever keeps it in an address, as the site's playground does.
function tellChosen(root, chosen, usual) {
  const differing = Object.keys(usual).filter(key => String(chosen[key]) !== String(usual[key]));
  const detail = Object.fromEntries(differing.map(key => [key, chosen[key]]));
  root.dispatchEvent(new CustomEvent("chosen", { detail }));
}

// The still picture gives way where scripts run.
function begin(root, alt) {
  for (const still of root.children) still.hidden = true;
  root.append(element("style", {}, STYLE));
  // JupyterLab's own shortcuts must not take the keys of a slider or a number.
  set(root, { role: "group", "aria-label": alt, "data-lm-suppress-shortcuts": "true" });
  return root;
}
