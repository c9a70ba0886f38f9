// Caption, own video, other video: the nearer the two videos, the smaller the margin that is asked for.

const USUAL = { own: 0.35, other: 0.45, between: 0.3, alpha: 0.2, beta: 0.1 };
const MEAN = 0.5, SPREAD = 0.2; // of the distances between the videos of the batch that is thought of

// Three sides make a triangle only if none is longer than the two others together.
function closed(own, other, between) {
  return Math.min(own + other, Math.max(Math.abs(own - other), between));
}

function triangle({ own, other, between, alpha, beta }) {
  const side = closed(own, other, between);
  const score = (side - MEAN) / SPREAD;
  const margin = Math.max(0, alpha + beta * score);
  const cosine = (own * own + other * other - side * side) / (2 * own * other);
  return {
    between: side, score, margin, fixed: Math.max(0, alpha + own - other), hinge: Math.max(0, margin + own - other),
    angle: Math.acos(Math.min(1, Math.max(-1, cosine))),
  };
}

const SIZE = 400, SCALE = 220, CENTRE = [200, 185];

function drawingOfTriangle() {
  const ring = dashes => shape("circle",
    { cx: CENTRE[0], cy: CENTRE[1], fill: "none", "stroke-width": 2, "stroke-dasharray": dashes });
  const fixed = ring("2 6"), asked = ring("none");
  const sides = [0, 1, 2].map(() => shape("line", { stroke: "var(--soft)", "stroke-width": 1.5 }));
  const pushes = [0, 1].map(() => shape("line", { stroke: "var(--ink)", "stroke-width": 4, "stroke-linecap": "round" }));
  const dots = ["--2", "--1"].map(colour => shape("circle", { r: 9, fill: `var(${colour})` }));
  const names = ["own video", "other video"].map(name => shape("text", {}, name));
  set(fixed, { stroke: "var(--soft)" });
  set(asked, { stroke: "var(--0)" });
  const caption = shape("path", { d: `M${CENTRE[0]},${CENTRE[1] - 10}l9,17h-18z`, fill: "var(--0)" });
  const svg = shape("svg",
    { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": "Caption, own and other video" },
    fixed, asked, ...sides, ...pushes, caption, ...dots, ...names,
    shape("text", { x: CENTRE[0], y: CENTRE[1] + 24, "text-anchor": "middle" }, "caption"),
    shape("text", { x: 10, y: SIZE - 8 }, "Outside the ring the other video is at rest (dots: no beta)."));
  const draw = (chosen, found) => {
    const at = (distance, angle) =>
      [CENTRE[0] + SCALE * distance * Math.cos(angle), CENTRE[1] - SCALE * distance * Math.sin(angle)];
    const points = [at(chosen.own, 0), at(chosen.other, found.angle)];
    set(fixed, { r: SCALE * (chosen.own + chosen.alpha) });
    set(asked, { r: SCALE * (chosen.own + found.margin) });
    [[CENTRE, points[0]], [CENTRE, points[1]], points].forEach(([[x1, y1], [x2, y2]], i) => set(sides[i], { x1, y1, x2, y2 }));
    const pushed = found.hinge > 0 ? 0.15 : 0; // a hinge pushes fully or not at all
    const ends = [at(chosen.own - pushed, 0), at(chosen.other + pushed, found.angle)];
    points.forEach(([x, y], i) => {
      set(dots[i], { cx: x, cy: y });
      set(names[i], { x: x + 13, y: y + (i ? 5 : 20) });
      set(pushes[i], { x1: x, y1: y, x2: ends[i][0], y2: ends[i][1] });
    });
  };
  return [svg, draw];
}

function picture(root, given, alt) {
  const chosen = settings("triangle", USUAL, given);
  const told = announcer();
  const [drawing, draw] = drawingOfTriangle();
  const redraw = () => {
    const found = triangle(chosen);
    draw(chosen, found);
    told.textContent = `Between the videos ${show(found.between)}: ${show(found.score, 1)} standard deviations from the mean. `
      + `Margin ${show(chosen.alpha)} + ${show(chosen.beta)} × ${show(found.score, 1)} = ${show(found.margin)}. `
      + `Hinge ${show(found.margin)} + ${show(chosen.own)} − ${show(chosen.other)}: ${show(found.hinge)} `
      + `(${found.hinge > 0 ? "the other video is pushed away" : "left in peace"}; without beta ${show(found.fixed)}).`;
  };
  const ranged = (name, key, range) => slider(name, range, chosen[key], value => { chosen[key] = value; redraw(); });
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, drawing),
    element("div", { class: "panel" },
      element("p", {}, `Distances: caption to own video, caption to other video, and between the videos (mean ${show(MEAN, 1)},`
        + ` standard deviation ${show(SPREAD, 1)} in the batch).`),
      ranged("to own", "own", [0.05, 0.5, 0.05]), ranged("to other", "other", [0.05, 0.8, 0.05]),
      ranged("between", "between", [0, 1.3, 0.05]), ranged("alpha", "alpha", [0, 0.5, 0.05]),
      ranged("beta", "beta", [0, 0.2, 0.01]), told)));
  redraw();
}
