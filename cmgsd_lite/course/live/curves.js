// Training logs, epoch by epoch: what the loss says, and what recall says. The first loss is the reader's bet.

const WIDE = 420, HIGH = 250, LEFT = 46, RIGHT = 12, TOP = 30, FOOT = 40;
const DASHES = ["none", "8 4", "2 4", "10 3 2 3", "5 3"];
const KINDS = [
  ["loss", "loss (1 = its first epoch)", curve => curve.loss.map(x => x / curve.loss[0])],
  ["recall", "R@10 on validation (%)", curve => curve.recall],
];

// Which of the curves is first in an epoch, and the epoch that had the highest recall so far.
function lowest(curves, epoch) {
  return Object.keys(curves).reduce((a, b) => (curves[b].loss[epoch] < curves[a].loss[epoch] ? b : a));
}
function highest(curves, epoch) {
  return Object.keys(curves).reduce((a, b) => (curves[b].recall[epoch] > curves[a].recall[epoch] ? b : a));
}
function bestEpoch(recall, epoch) {
  return recall.slice(0, epoch + 1).reduce((best, x, i) => (x > recall[best] ? i : best), 0);
}

function drawingOfLog(curves, [kind, title, valuesOf]) {
  const names = Object.keys(curves), values = names.map(name => valuesOf(curves[name]));
  const epochs = values[0].length;
  const lowestValue = kind === "loss" ? 0 : 10 * Math.floor(Math.min(...values.flat()) / 10);
  const top = kind === "loss" ? 1.05 : 5 * Math.ceil(Math.max(...values.flat()) / 5);
  const x = i => LEFT + ((WIDE - LEFT - RIGHT) * i) / (epochs - 1);
  const y = v => HIGH - FOOT - ((HIGH - FOOT - TOP) * (v - lowestValue)) / (top - lowestValue);
  const lines = names.map((_, i) => shape("path",
    { fill: "none", stroke: `var(--${i})`, "stroke-width": 2.5, "stroke-dasharray": DASHES[i] }));
  const ends = names.map((_, i) => shape("circle", { r: 4.5, fill: `var(--${i})` }));
  const tens = Array.from({ length: 10 }, (_, i) => lowestValue + 10 * i).filter(v => v <= top);
  const ticks = kind === "loss" ? [0, 0.5, 1] : tens;
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title },
    shape("text", { x: LEFT, y: 18 }, title),
    ...ticks.flatMap(v => [
      shape("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(v), y2: y(v), stroke: "var(--faint)" }),
      shape("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, show(v, kind === "loss" ? 1 : 0)),
    ]),
    ...[0, epochs - 1].map(i => shape("text", { x: x(i), y: HIGH - 22, "text-anchor": "middle" }, String(i + 1))),
    shape("text", { x: (LEFT + WIDE) / 2, y: HIGH - 6, "text-anchor": "middle" }, "epoch"), ...lines, ...ends);
  const draw = epoch => values.forEach((row, i) => {
    set(lines[i], { d: "M" + row.slice(0, epoch + 1).map((v, e) => `${x(e)},${y(v)}`).join("L") });
    set(ends[i], { cx: x(epoch), cy: y(row[epoch]) });
  });
  return [svg, draw];
}

function picture(root, { curves }, alt) {
  const names = Object.keys(curves), last = curves[names[0]].loss.length - 1;
  let epoch = 0, bet = "?", timer = 0;
  const drawings = KINDS.map(kind => drawingOfLog(curves, kind));
  const cells = names.map(() => [0, 1, 2].map(() => element("td")));
  const told = announcer();
  const swatch = i => shape("svg", { viewBox: "0 0 40 10", style: "width:1.2rem;display:inline-block", "aria-hidden": "true" },
    shape("line", { x1: 0, x2: 40, y1: 5, y2: 5, stroke: `var(--${i})`, "stroke-width": 3, "stroke-dasharray": DASHES[i] }));
  const table = element("table", {},
    element("tr", {}, ...["name", "loss", "R@10", "best epoch"]
      .map(name => element("th", { scope: "col" }, name))),
    ...names.map((name, i) => element("tr", {},
      element("th", { scope: "row", style: "text-align:left" }, swatch(i), ` ${name}`), ...cells[i])));
  const say = () => {
    const [loss, recall] = [lowest(curves, epoch), highest(curves, epoch)];
    const kept = bet === "?" ? "" : bet === recall ? " As you bet." : ` Your bet: ${bet}.`;
    told.textContent = `Epoch ${epoch + 1}: lowest loss ${loss}, highest R@10 ${recall}.${epoch === last ? kept : ""}`;
  };
  const draw = () => {
    drawings.forEach(([, drawTo]) => drawTo(epoch));
    names.forEach((name, i) => [show(curves[name].loss[epoch], 3), show(curves[name].recall[epoch], 1),
      String(bestEpoch(curves[name].recall, epoch) + 1)].forEach((text, k) => { cells[i][k].textContent = text; }));
    const input = ranged.querySelector("input");
    input.value = epoch + 1;
    ranged.querySelector("span").textContent = String(epoch + 1);
  };
  const to = value => { epoch = value; draw(); };
  const ranged = slider("epoch", [1, last + 1, 1], 1, value => { pause(); to(value - 1); }, say);
  const pause = () => { clearInterval(timer); timer = 0; play.textContent = "play"; };
  const go = () => {
    if (epoch < last) to(epoch + 1);
    if (epoch === last) { pause(); say(); }
  };
  const play = button("play", () => {
    if (timer) { pause(); say(); return; }
    if (epoch === last) to(0);
    if (calm()) { to(last); say(); return; } // who wants no motion sees the end at once
    play.textContent = "pause";
    timer = setInterval(go, 250);
  });
  begin(root, alt).append(
    choice("your bet: highest R@10 at the end", ["?", ...names], bet, value => { bet = value; }), ranged, play,
    element("div", { class: "row" }, ...drawings.map(([drawing]) => element("div", { class: "picture" }, drawing))),
    table, told);
  draw();
}
