// The decision plot: score of choice over the knob, a row and its control, each at its own best value.

const USUAL = { data: "", row: "directed+video", control: "permuted", knob: 0 };
const WIDE = 560, HIGH = 330, LEFT = 52, RIGHT = 14, TOP = 16, FOOT = 44;
const DASHES = ["none", "8 4"];

// The place of the highest score: the first of equals, as the rule of the study takes it.
function bestOf(scores) {
  return scores.reduce((best, score, i) => (score > scores[best] ? i : best), 0);
}

// What one says who fixes the knob for both, and what one says who tunes both.
function verdict(row, control, knob) {
  return { same: row[knob] - control[knob], tuned: row[bestOf(row)] - control[bestOf(control)] };
}

function signed(value) {
  return (value >= 0.05 ? "+" : "") + show(value, 1);
}

function drawing(told) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": told });
  return [svg, ({ values, rows, levels }, names, knob) => {
    const lines = names.map(name => rows[name]);
    const highest = Math.max(...lines.flat(), ...Object.values(levels)) + 0.5;
    const lowest = highest - 6;  // what decides is within a point of the best
    const [first, last] = [values[0], values[values.length - 1]].map(Math.log);
    const x = value => LEFT + ((WIDE - LEFT - RIGHT) * (Math.log(value) - first)) / (last - first);
    const y = score => HIGH - FOOT - ((HIGH - FOOT - TOP) * (Math.max(score, lowest) - lowest)) / (highest - lowest);
    const ticks = Array.from({ length: 200 }, (_, i) => i).filter(v => v > lowest && v < highest);
    svg.replaceChildren(
      ...ticks.flatMap(v => [
        shape("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(v), y2: y(v), stroke: "var(--faint)" }),
        shape("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, String(v)),
      ]),
      ...Object.entries(levels).flatMap(([name, score], i) => (score < lowest ? [] : [
        shape("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(score), y2: y(score), stroke: `var(--${2 + i})`,
          "stroke-width": 2, "stroke-dasharray": "2 4" }),
        shape("text", { x: LEFT + 4 + 110 * i, y: y(score) - 5, style: `fill: var(--${2 + i})` }, name),
      ])),
      shape("line", { x1: x(values[knob]), x2: x(values[knob]), y1: TOP, y2: HIGH - FOOT, stroke: "var(--soft)" }),
      ...values.filter((_, i) => i % 2 === 0).map(v =>
        shape("text", { x: x(v), y: HIGH - FOOT + 18, "text-anchor": "middle" }, String(v).replace(/^0/, ""))),
      shape("text", { x: WIDE / 2, y: HIGH - 6, "text-anchor": "middle" }, "spread of the margin (beta)"),
      ...lines.flatMap((scores, i) => [
        shape("path", { d: "M" + scores.map((s, k) => `${x(values[k])},${y(s)}`).join("L"), fill: "none",
          stroke: `var(--${i})`, "stroke-width": 2.5, "stroke-dasharray": DASHES[i] }),
        shape("circle", { cx: x(values[bestOf(scores)]), cy: y(scores[bestOf(scores)]), r: 8, fill: "none",
          stroke: `var(--${i})`, "stroke-width": 3 }),
        shape("circle", { cx: x(values[knob]), cy: y(scores[knob]), r: 5, fill: `var(--${i})` }),
      ]));
  }];
}

function picture(root, given, alt) {
  const { sets } = given, chosen = settings("decision", USUAL, given), told = announcer();
  if (!(chosen.data in sets)) chosen.data = Object.keys(sets)[0];
  const [svg, drawTo] = drawing(alt), selects = element("div"), words = element("p");
  const draw = () => {
    const set = sets[chosen.data], names = [chosen.row, chosen.control];
    const [row, control] = names.map(name => set.rows[name]);
    const { same, tuned } = verdict(row, control, chosen.knob);
    drawTo(set, names, chosen.knob);
    const at = scores => `${show(scores[bestOf(scores)], 1)} at beta ${set.values[bestOf(scores)]}`;
    words.textContent = `Best of each (rings): ${chosen.row} ${at(row)}, ${chosen.control} ${at(control)}.`;
    told.textContent = `Both at beta ${set.values[chosen.knob]} (dots): ${signed(same)}. Each at its own best: ${signed(tuned)}.`;
  };
  const change = name => value => { chosen[name] = value; draw(); };
  const fill = () => {
    const names = Object.keys(sets[chosen.data].rows);
    for (const part of ["row", "control"]) if (!names.includes(chosen[part])) chosen[part] = USUAL[part];
    const most = sets[chosen.data].values.length - 1;
    chosen.knob = Math.min(most, Math.max(0, Math.round(chosen.knob)));
    selects.replaceChildren(
      choice("row", names, chosen.row, change("row")), choice("control", names, chosen.control, change("control")),
      slider("beta, its place", [0, most, 1], chosen.knob, change("knob")));
    draw();
  };
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, svg),
    element("div", { class: "panel" },
      choice("data", Object.keys(sets), chosen.data, value => { chosen.data = value; fill(); }), selects,
      element("p", {}, "solid: row; dashes: control; dots across: plain losses at their best"), words, told)));
  fill();
}
