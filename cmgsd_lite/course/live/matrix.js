// A small matrix of similarities: what each direction of the loss does to each number, as one changes them.

const SIM = [[0.6, 0.5, 0.1, 0.2], [0.1, 0.8, 0.2, 0.7], [0.2, 0.7, 0.5, 0.1], [0.0, 0.2, 0.4, 1.0]];
const USUAL = { loss: "mean", margin: 0.2, temperature: 0.1, sim: SIM };

const LEAST = 5e-4; // what three digits show as 0

// Downhill: a positive slope lowers the similarity, a negative one raises it.
function arrow(slope) {
  if (Math.abs(slope) < LEAST) return "0";
  return `${slope > 0 ? "▼" : "▲"} ${show(Math.abs(slope), 3)}`;
}

function tinted(slope) {
  const share = Math.round(Math.min(1, 5 * Math.abs(slope)) * 45); // more would leave the numbers too little contrast
  return `background: color-mix(in srgb, var(${slope > 0 ? "--0" : "--1"}) ${share}%, var(--ground))`;
}

// The line of one pair that can be checked by hand.
function sentence(sim, i, j, margin, { textToVideo, videoToText }) {
  if (i === j) return `Pair ${i + 1} is right: it is raised as much as its negatives are lowered together.`;
  const line = (anchor, own, slope) => {
    const value = margin + sim[i][j] - own;
    return `${anchor}: ${show(margin)} + ${show(sim[i][j])} − ${show(own)} = ${show(value)}, `
      + (Math.abs(slope) < LEAST ? "no push" : `slope ${show(slope, 3)}`);
  };
  return `${line(`Text ${i + 1} asks`, sim[i][i], textToVideo[i][j])}. `
    + `${line(`Video ${j + 1} asks`, sim[j][j], videoToText[i][j])}.`;
}

// In an address the numbers stand one after the other; what is no square of numbers becomes the usual.
function squareOf(sim) {
  const numbers = sim.flat(), n = Math.sqrt(numbers.length);
  if (!Number.isInteger(n) || n < 2 || !numbers.every(Number.isFinite)) return squareOf(SIM);
  return Array.from({ length: n }, (_, i) => numbers.slice(n * i, n * (i + 1)));
}

function picture(root, given, alt) {
  const chosen = trainable(settings("matrix", USUAL, given), USUAL);
  const sim = squareOf(chosen.sim), n = sim.length;
  const told = announcer(), total = element("p");
  let at = [0, 1], found;
  const cells = sim.map((row, i) => row.map((value, j) => {
    const input = element("input", {
      type: "number", min: -1, max: 1, step: 0.1, value, style: "width: 3.6rem",
      "aria-label": `similarity of text ${i + 1} and video ${j + 1}`,
      input: () => { if (input.value !== "" && Number.isFinite(+input.value)) { sim[i][j] = +input.value; draw(); } },
      focus: () => { at = [i, j]; draw(); },
    });
    const slopes = [element("div"), element("div")];
    return { box: element("td", {}, input, ...slopes), slopes };
  }));
  const draw = () => {
    found = lossOf(sim, fixedMargins(n, chosen.margin), chosen.loss, chosen.temperature);
    cells.forEach((row, i) => row.forEach(({ box, slopes }, j) => {
      const both = [found.textToVideo[i][j], found.videoToText[i][j]];
      slopes.forEach((line, k) => { line.textContent = `${"→↓"[k]} ${arrow(both[k])}`; });
      set(box, { style: tinted(both[0] + both[1]) });
    }));
    total.textContent = `loss ${show(found.loss, 3)}`;
    told.textContent = sentence(sim, ...at, chosen.margin, found);
    tellChosen(root, { ...chosen, sim }, USUAL);
  };
  const change = name => value => { chosen[name] = value; draw(); };
  const head = element("tr", {}, element("td"), ...sim.map((_, j) => element("th", { scope: "col" }, `video ${j + 1}`)));
  const rows = cells.map((row, i) =>
    element("tr", {}, element("th", { scope: "row" }, `text ${i + 1}`), ...row.map(cell => cell.box)));
  begin(root, alt).append(
    element("div", { class: "row" },
      element("div", { class: "picture", style: "overflow-x: auto" }, element("table", {}, head, ...rows)),
      element("div", { class: "panel" },
        choice("loss", LOSSES, chosen.loss, change("loss")),
        slider("margin", [0, 1, 0.05], chosen.margin, change("margin")),
        slider("temperature", [0.02, 0.5, 0.01], chosen.temperature, change("temperature")),
        total,
        element("p", {}, "▼ lowered, ▲ raised, by so much for each unit of learning rate. → text i asks for its video"
          + " (along the row), ↓ video j asks for its text (along the column). Change any number."))), told);
  draw();
}
