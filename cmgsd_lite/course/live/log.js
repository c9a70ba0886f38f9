// A training's log, step by step: the margins of the batch beside one number of every training over all steps.
// `given` has the names and lines of the logs, and the edges of the histogram.

const USUAL = { run: "", number: "active", step: 0 };
const NUMBERS = {
  active: ["active hinges (%)", 0], clipped: ["clipped margins (%)", 0], gap: ["own minus hardest, in spreads of sim", 1],
};
const DASHES = ["none", "8 4", "3 3", "10 3 3 3"];

const line = (x1, y1, x2, y2, stroke = "var(--soft)") => shape("line", { x1, y1, x2, y2, stroke });
const text = (x, y, words, anchor = "start") => shape("text", { x, y, "text-anchor": anchor }, words);

function inSpreads(run) {
  return { ...run, gap: run.gap.map((gap, i) => gap / run.spread[i]) };
}

// Where the numbers of all runs lie, and 0.
function reach(runs, number) {
  const values = Object.values(runs).flatMap(run => run[number]);
  return [Math.min(0, ...values), Math.max(0, ...values)];
}

function drawingOfMargins(edges, highest) {
  const left = x => 40 + (300 * x) / edges.at(-1);
  const bars = edges.slice(1).map((end, i) => shape("rect",
    { x: left(edges[i]), width: Math.max(1, left(end) - left(edges[i]) - 1), fill: "var(--0)" }));
  const svg = shape("svg",
    { viewBox: "0 0 360 230", role: "img", "aria-label": "Histogram of the margins of this batch" },
    text(40, 16, "margins of this batch"), ...bars, line(40, 190, 340, 190), line(left(0.2), 30, left(0.2), 190),
    text(left(0.2) + 4, 40, "alpha"), ...[0, 0.2, 0.4, 0.6].map(x => text(left(x), 207, show(x, 1), "middle")),
    text(190, 225, "margin (cosine)", "middle"));
  const draw = counts => {
    const all = counts.reduce((a, b) => a + b, 0);
    bars.forEach((bar, i) => {
      const height = Math.min(150, (150 * counts[i]) / all / highest);
      set(bar, { y: 190 - height, height });
    });
  };
  return [svg, draw];
}

function drawingOfNumbers(runs, steps) {
  const at = i => 40 + (300 * i) / (steps.length - 1);
  const lines = Object.keys(runs).map((_, i) =>
    shape("polyline", { fill: "none", stroke: `var(--${i % 5})`, "stroke-dasharray": DASHES[i % 4] }));
  const here = line(0, 30, 0, 190, "var(--ink)"), zero = line(40, 0, 340, 0), title = text(40, 16, "");
  const ends = [text(34, 38, "", "end"), text(34, 190, "", "end")];
  const svg = shape("svg",
    { viewBox: "0 0 360 230", role: "img", "aria-label": "One number of every training, over the steps" },
    title, zero, here, ...lines, ...ends, text(40, 207, `step ${steps[0]}`), text(340, 207, `${steps.at(-1)}`, "end"));
  const draw = (number, run, i) => {
    const [low, high] = reach(runs, number), up = y => 190 - (155 * (y - low)) / (high - low || 1);
    title.textContent = NUMBERS[number][0];
    [high, low].forEach((value, k) => { ends[k].textContent = show(value, NUMBERS[number][1]); });
    set(zero, { y1: up(0), y2: up(0) });
    set(here, { x1: at(i), x2: at(i) });
    Object.entries(runs).forEach(([name, one], k) => set(lines[k], {
      points: one[number].map((y, j) => `${at(j)},${up(y)}`).join(" "), "stroke-width": name === run ? 4 : 1.5,
    }));
  };
  return [svg, draw];
}

function picture(root, given, alt) {
  const { runs: logs, steps, edges } = given, names = Object.keys(logs ?? {});
  const chosen = settings("log", USUAL, {});
  if (!names.includes(chosen.run)) chosen.run = names[0];
  if (!(chosen.number in NUMBERS)) chosen.number = USUAL.number;
  const runs = Object.fromEntries(names.map(name => [name, inSpreads(logs[name])]));
  const told = announcer(), page = begin(root, alt);
  if (!names.length) return;
  const [histogram, drawMargins] = drawingOfMargins(edges, 0.25), [curves, drawNumbers] = drawingOfNumbers(runs, steps);
  let timer = 0;
  const draw = () => {
    const run = runs[chosen.run], i = chosen.step;
    drawMargins(run.margins[i]);
    drawNumbers(chosen.number, chosen.run, i);
    told.textContent = `${chosen.run}, step ${steps[i]}: ${show(run.active[i], 0)} % of the hinges active, `
      + `${show(run.clipped[i], 0)} % of the margins clipped, own minus hardest ${show(run.gap[i], 1)} spreads of sim.`;
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "play"; };
  const ahead = () => {
    chosen.step = calm() ? steps.length - 1 : chosen.step + 1;
    place.querySelector("input").value = chosen.step;
    draw();
    if (chosen.step === steps.length - 1) stop();
  };
  const play = button("play", () => {
    if (timer) { stop(); return; }
    if (chosen.step === steps.length - 1) chosen.step = 0;
    play.textContent = "pause";
    timer = setInterval(ahead, 120);
  });
  const place = slider("moment", [0, steps.length - 1, 1], chosen.step, value => { chosen.step = value; draw(); });
  page.append(
    element("div", { class: "row" },
      choice("training", names, chosen.run, value => { chosen.run = value; draw(); }),
      choice("number", Object.keys(NUMBERS), chosen.number, value => { chosen.number = value; draw(); }), place, play),
    element("div", { class: "row" },
      element("div", { class: "picture" }, histogram), element("div", { class: "picture" }, curves)),
    element("p", {}, ...names.map((name, i) => element("span",
      { style: `display: inline-block; margin-right: 1rem; border-bottom: 4px solid var(--${i % 5})` }, name))), told);
  draw();
}
