// Fifteen pairs on a circle, trained while one looks. Five scenes of three: a scene's members are each other's
// false negatives. cmgsd_lite/course/circle.py does the same in Python; a test holds the two together.

const SCENES = 5, MEMBERS = 3, PAIRS = SCENES * MEMBERS, WIDTH = 10, STEPS = 300, RATE = 0.03, NOISE = 0.35;
const USUAL = { loss: "mean", margins: "fixed", margin: 0.3, beta: 0.15, temperature: 0.1, seed: 20, step: 0 };
const SEEDS = 30;
const sceneOf = i => Math.floor(i / MEMBERS);

// Park and Miller's generator: a few exact whole numbers, the same in every language.
function randomNumbers(seed) {
  let state = seed;
  const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < 10; i++) uniform(); // the first numbers of a small seed are small
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normals: n => Array.from({ length: n }, normal) };
}

function circleStart(seed) {
  const random = randomNumbers(seed);
  const scenes = Array.from({ length: SCENES }, () => random.normals(WIDTH));
  const noisy = i => random.normals(WIDTH).map((x, k) => scenes[sceneOf(i)][k] + NOISE * x);
  const inputs = Array.from({ length: PAIRS }, (_, i) => noisy(i));
  const weights = [0, 1].map(() => [0, 1].map(() => random.normals(WIDTH).map(x => x / Math.sqrt(WIDTH))));
  const order = inputs.map((_, i) => i);
  for (let i = PAIRS - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return { inputs, weights, order };
}

const dot = (a, b) => sum(a.map((x, k) => x * b[k]));
const length = a => Math.sqrt(dot(a, a));
const product = (a, b) => a.map(x => b.map(y => dot(x, y)));

class Circle {
  constructor(chosen = USUAL) {
    Object.assign(this, circleStart(chosen.seed), { step: 0, known: {} });
    this.moments = [0, 1].map(() => this.weights.map(w => w.map(row => row.map(() => 0))));
    const unit = this.inputs.map(x => x.map(v => v / length(x)));
    this.distances = product(unit, unit).map(row => row.map(s => 1 - s));
    this.look(chosen);
  }

  marginsOf({ margins, margin, beta }) {
    if (margins === "fixed") return fixedMargins(PAIRS, margin);
    const name = `${margin} ${beta}`;
    if (this.known.name !== name) this.known = { name, margins: adaptiveMargins(this.distances, margin, beta) };
    return margins === "permuted" ? permutedMargins(this.known.margins, this.order) : this.known.margins;
  }

  // Where the points are, what the loss says, and where it pushes each point along the circle.
  look(chosen) {
    const raw = this.weights.map(w => product(this.inputs, w));
    [this.texts, this.videos] = raw.map(points => points.map(p => p.map(x => x / length(p))));
    this.sim = product(this.texts, this.videos);
    const { loss, textToVideo, videoToText } = lossOf(this.sim, this.marginsOf(chosen), chosen.loss, chosen.temperature);
    const slopes = textToVideo.map((row, i) => row.map((x, j) => x + videoToText[i][j]));
    const partners = [[this.texts, this.videos, slopes], [this.videos, this.texts, transposed(slopes)]];
    this.loss = loss;
    this.pushes = partners.map(([own, other, slope]) => own.map((p, i) => {
      const towards = [0, 1].map(k => sum(other.map((q, j) => slope[i][j] * q[k])));
      return towards.map((x, k) => x - p[k] * dot(p, towards)); // what is left along the circle
    }));
    this.slopes = this.pushes.map((points, m) => points.map((push, i) => push.map(x => x / length(raw[m][i]))));
    return this;
  }

  // One step of Adam.
  train(chosen) {
    this.look(chosen);
    this.step += 1;
    this.weights.forEach((rows, m) => rows.forEach((row, k) => row.forEach((_, d) => {
      const slope = sum(this.slopes[m].map((s, i) => s[k] * this.inputs[i][d]));
      const [first, second] = this.moments.map(moment => moment[m][k]);
      first[d] = 0.9 * first[d] + 0.1 * slope;
      second[d] = 0.999 * second[d] + 0.001 * slope * slope;
      const size = Math.sqrt(second[d] / (1 - 0.999 ** this.step)) + 1e-8;
      row[d] -= (RATE * first[d]) / (1 - 0.9 ** this.step) / size;
    })));
    return this.look(chosen);
  }

  groups() {
    const found = { positives: [], "false negatives": [], "true negatives": [] };
    this.sim.forEach((row, i) => row.forEach((s, j) => {
      const name = i === j ? "positives" : sceneOf(i) === sceneOf(j) ? "false negatives" : "true negatives";
      found[name].push(s);
    }));
    return found;
  }

  measures() {
    const groups = this.groups(), mean = numbers => sum(numbers) / numbers.length;
    const found = this.sim.filter((row, i) => row.every((s, j) => j === i || s < row[i])).length;
    return { recall: (100 * found) / PAIRS, same: mean(groups["false negatives"]), other: mean(groups["true negatives"]) };
  }
}

const BINS = 20, SIZE = 400, MIDDLE = SIZE / 2, RADIUS = 140;

function drawingOfCircle() {
  const at = (p, r) => [MIDDLE + r * p[0], MIDDLE - r * p[1]];
  const stroke = () => shape("line", { stroke: "var(--ink)", "stroke-width": 2.5, "stroke-linecap": "round" });
  const pairs = Array.from({ length: PAIRS }, (_, i) => ({
    link: shape("line", { stroke: `var(--${sceneOf(i)})` }),
    text: shape("path", { fill: `var(--${sceneOf(i)})` }),
    video: shape("circle", { r: 8, fill: `var(--${sceneOf(i)})` }),
    pushes: [stroke(), stroke()],
    name: shape("text", { "text-anchor": "middle", "dominant-baseline": "middle" }, "ABCDE"[sceneOf(i)]),
  }));
  const svg = shape("svg", { viewBox: `0 10 ${SIZE} ${SIZE + 30}`, role: "img", "aria-label": "Texts and videos on a circle" },
    shape("circle", { cx: MIDDLE, cy: MIDDLE, r: RADIUS, fill: "none", stroke: "var(--faint)", "stroke-width": 2 }),
    ...pairs.flatMap(p => [p.link, p.text, p.video, ...p.pushes, p.name]),
    ...legend());
  const draw = circle => pairs.forEach((pair, i) => {
    const [tx, ty] = at(circle.texts[i], RADIUS - 9), [vx, vy] = at(circle.videos[i], RADIUS + 9);
    set(pair.link, { x1: tx, y1: ty, x2: vx, y2: vy });
    set(pair.text, { d: `M${tx},${ty - 9}l8,15h-16z` });
    set(pair.video, { cx: vx, cy: vy });
    [[tx, ty], [vx, vy]].forEach(([x, y], m) => {
      // Hard pushes are drawn shorter than they are: InfoNCE's are ten times as long as those of the others.
      const push = circle.pushes[m][i], size = length(push) || 1;
      const [dx, dy] = push.map(x => (-50 * Math.tanh(15 * size) * x) / size);
      set(pair.pushes[m], { x1: x, y1: y, x2: x + dx, y2: y - dy });
    });
    const [nx, ny] = at(circle.videos[i], RADIUS + 34);
    set(pair.name, { x: nx, y: ny });
  });
  return [svg, draw];
}

function legend() {
  const marks = [
    [shape("path", { d: "M20,381l8,15h-16z", fill: "var(--soft)" }), "text (caption)"],
    [shape("circle", { cx: 150, cy: 390, r: 8, fill: "var(--soft)" }), "video"],
    [shape("line", { x1: 225, x2: 250, y1: 390, y2: 390, stroke: "var(--ink)", "stroke-width": 2.5 }), "push (longer: harder)"],
  ];
  const names = marks.flatMap(([mark, text], i) => [
    mark, shape("text", { x: [34, 164, 258][i], y: 391, "dominant-baseline": "middle" }, text),
  ]);
  const scenes = "A to E: scenes; pairs of one scene are false negatives";
  return [...names, shape("text", { x: 12, y: 420 }, scenes)];
}

// Three rows on the same axes, each the share of its own group: 30 pairs must not vanish beside 180.
function drawingOfHistogram() {
  const names = ["positives", "false negatives", "true negatives"], colours = ["var(--2)", "var(--1)", "var(--0)"];
  const bars = names.map((_, g) => Array.from({ length: BINS }, (_, b) =>
    shape("rect", { x: 5 + 15 * b, width: 14, fill: colours[g] })));
  const rows = names.flatMap((name, g) => [
    ...bars[g],
    shape("line", { x1: 5, x2: 305, y1: 55 + 60 * g, y2: 55 + 60 * g, stroke: "var(--soft)" }),
    shape("text", { x: 5, y: 14 + 60 * g }, name),
  ]);
  const ticks = [-1, 0, 1].map(x => shape("text", { x: 155 + 148 * x, y: 192, "text-anchor": "middle" }, show(x, 0)));
  const svg = shape("svg", { viewBox: "-5 0 320 196", role: "img", "aria-label": "Histogram of similarities by group" },
    ...rows, ...ticks);
  const draw = circle => Object.values(circle.groups()).forEach((numbers, g) => bars[g].forEach((bar, b) => {
    const bin = s => Math.min(BINS - 1, Math.max(0, Math.floor(((s + 1) / 2) * BINS)));
    const height = (38 * numbers.filter(s => bin(s) === b).length) / numbers.length;
    set(bar, { y: 55 + 60 * g - height, height });
  }));
  return [svg, draw];
}

// "What do you expect?": two guesses before a change is trained, and what became of them.
const RATHER = [["recall", "R@1", 4, x => `${show(x, 0)} %`], ["same", "cosine within a scene", 0.03, x => show(x)]];
const AHEAD = ["?", "higher", "about the same", "lower"];

function questions(train) {
  const guesses = {}, why = element("p");
  const fields = RATHER.map(([key, name]) => choice(name, AHEAD, "?", value => { guesses[key] = value; }));
  const box = element("fieldset", { hidden: "" }, element("legend", {}, "What do you expect?"), why, ...fields,
    button("train and see", () => { box.hidden = true; train(); }));
  const ask = text => {
    why.textContent = text;
    box.hidden = false;
    fields.forEach(field => { field.querySelector("select").value = "?"; });
    RATHER.forEach(([key]) => delete guesses[key]);
  };
  const answer = (before, after) => RATHER.map(([key, name, least, text]) => {
    const change = after[key] - before[key];
    const happened = Math.abs(change) < least ? "about the same" : change > 0 ? "higher" : "lower";
    const said = guesses[key] ?? "?";
    const kept = said === "?" ? "" : said === happened ? ", as you said" : `, you said ${said}`;
    return `${name}: ${text(before[key])}, now ${text(after[key])} (${happened}${kept}).`;
  }).join(" ");
  return { box, ask, answer };
}

function picture(root, given, alt) {
  const chosen = trainable(settings("circle", USUAL, given), USUAL);
  let circle = new Circle(chosen), before = null, frame = 0;
  while (circle.step < Math.min(chosen.step, STEPS)) circle.train(chosen); // an address may begin later
  const [points, drawPoints] = drawingOfCircle(), [histogram, drawHistogram] = drawingOfHistogram();
  const cells = ["step", "loss", "R@1: own video first", "cosine, same scene", "cosine, other scenes"]
    .map(name => [name, element("td")]);
  const told = announcer();
  const draw = () => {
    const { recall, same, other } = circle.measures();
    drawPoints(circle);
    drawHistogram(circle);
    [circle.step, show(circle.loss, 3), `${show(recall, 0)} %`, show(same), show(other)]
      .forEach((text, i) => { cells[i][1].textContent = text; });
    tellChosen(root, { ...chosen, step: circle.step }, USUAL);
  };
  const pause = () => { cancelAnimationFrame(frame); frame = 0; play.textContent = "train"; };
  const end = () => {
    pause();
    const now = circle.measures();
    told.textContent = `${STEPS} steps of ${chosen.loss}, ${chosen.margins} margin. ` + (before ? question.answer(before, now)
      : `R@1 ${show(now.recall, 0)} %, cosine within a scene ${show(now.same)}, between scenes ${show(now.other)}.`);
    before = now;
  };
  const go = () => {
    play.textContent = "pause";
    const most = calm() ? STEPS : 2; // who wants no motion sees the end at once
    for (let i = 0; i < most && circle.step < STEPS; i++) circle.train(chosen);
    draw();
    if (circle.step < STEPS) frame = requestAnimationFrame(go);
    else end();
  };
  const restart = () => { pause(); circle = new Circle(chosen); draw(); };
  const startAgain = () => { restart(); told.textContent = ""; go(); };
  const play = button("train", () => {
    if (frame) pause();
    else if (circle.step < STEPS) go();
    else startAgain();
  });
  const question = questions(startAgain);
  const change = name => value => {
    const text = `${name}: ${typeof value === "number" ? show(value) : value}. After ${STEPS} steps from the same start,`
      + " what will have become of these?";
    chosen[name] = value;
    restart();
    question.ask(text);
  };
  const moved = name => value => { chosen[name] = value; circle.look(chosen); draw(); };
  const ranged = (name, range) => slider(name, range, chosen[name], moved(name), change(name));
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, points),
    element("div", { class: "panel" },
      choice("loss", LOSSES, chosen.loss, change("loss")), choice("margins", MARGINS, chosen.margins, change("margins")),
      ranged("margin", [0, 1, 0.05]), ranged("beta", [0, 0.3, 0.01]), ranged("temperature", [0.02, 0.5, 0.01]),
      question.box, play, button("to the start", () => { restart(); told.textContent = "Back at the start."; }),
      button("another start", () => {
        chosen.seed = (chosen.seed % SEEDS) + 1;
        before = null; // a change of the start is no change of the loss
        restart();
        told.textContent = `Start ${chosen.seed} of ${SEEDS}.`;
      }),
      element("table", {}, ...cells.map(([name, cell]) =>
        element("tr", {}, element("th", { scope: "row", style: "text-align:left" }, name), cell))),
      histogram)), told);
  draw();
}
