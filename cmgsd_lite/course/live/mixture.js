// Two teachers, four pairs: how their margins are mixed over a training, number for number.

const USUAL = { done: 0.4, beta: 0.05, standardise: "yes" };
const TEACHER = [[0, 0.2, 0.8, 0.8], [0.2, 0, 0.8, 0.8], [0.8, 0.8, 0, 0.8], [0.8, 0.8, 0.8, 0]];
const MODEL = [[0, 0.5, 0.9, 0.9], [0.5, 0, 0.9, 0.9], [0.9, 0.9, 0, 0.1], [0.9, 0.9, 0.1, 0]];
const ALPHA = 0.2, RAMP = [0.2, 0.6];

function standardised(d) {
  const values = offDiagonal(d), mean = sum(values) / values.length;
  const spread = Math.sqrt(sum(values.map(v => (v - mean) ** 2)) / values.length);
  return d.map((row, i) => row.map((v, j) => (i === j ? 0 : (v - mean) / spread)));
}

function shareOfModel(done) {
  return Math.min(1, Math.max(0, (done - RAMP[0]) / (RAMP[1] - RAMP[0])));
}

function mixed(teacher, model, done, beta, again) {
  const share = shareOfModel(done), [one, other] = [standardised(teacher), standardised(model)];
  const mean = one.map((row, i) => row.map((z, j) => (1 - share) * z + share * other[i][j]));
  const z = again ? standardised(mean) : mean, values = offDiagonal(z);
  return {
    share, margins: z.map(row => row.map(v => ALPHA + beta * v)),
    spread: Math.sqrt(sum(values.map(v => v * v)) / values.length),
  };
}

function grid(title) {
  const cells = [0, 1, 2, 3].map(i => [0, 1, 2, 3].map(j => element("td", {}, i === j ? "·" : "")));
  const head = element("tr", {}, element("td"), ...cells.map((_, j) => element("th", { scope: "col" }, `video ${j}`)));
  const box = element("table", {}, element("caption", {}, title), head, ...cells.map((row, i) =>
    element("tr", {}, element("th", { scope: "row" }, `text ${i}`), ...row)));
  return [box, margins => cells.forEach((row, i) => row.forEach((cell, j) => {
    if (i === j) return;
    cell.textContent = show(margins[i][j], 3);
    const apart = Math.max(-1, Math.min(1, (margins[i][j] - ALPHA) / 0.1));
    set(cell, { style: `background: color-mix(in srgb, var(${apart < 0 ? "--1" : "--0"}) `
      + `${Math.round(45 * Math.abs(apart))}%, var(--ground))` });
  }))];
}

function picture(root, given, alt) {
  const chosen = settings("mixture", USUAL, given), told = announcer();
  if (!["yes", "no"].includes(chosen.standardise)) chosen.standardise = USUAL.standardise;
  const grids = ["teacher", "model", "mixed"].map(grid);
  const draw = () => {
    const { teacher = TEACHER, model = MODEL } = chosen, again = chosen.standardise === "yes";
    const found = mixed(teacher, model, chosen.done, chosen.beta, again);
    const alone = [0, 1].map(done => mixed(teacher, model, done, chosen.beta, true));
    [...alone, found].forEach(({ margins }, i) => grids[i][1](margins));
    told.textContent = `The model's share λ is ${show(found.share)}. Mixed: twins (0, 1) ${show(found.margins[0][1], 3)}, `
      + `the model's mistake (2, 3) ${show(found.margins[2][3], 3)}. Spread of the margins ${show(found.spread)} × β.`;
  };
  const change = name => value => { chosen[name] = value; draw(); };
  begin(root, alt).append(
    element("div", { class: "row" }, ...grids.map(([box]) => box)),
    element("div", { class: "panel" },
      slider("training done", [0, 1, 0.05], chosen.done, change("done")),
      slider("beta", [0, 0.08, 0.01], chosen.beta, change("beta")),
      choice("standardise again", ["yes", "no"], chosen.standardise, change("standardise")), told));
  draw();
}
