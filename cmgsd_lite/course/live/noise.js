// Noise on the margins of one anchor: which negative is the hardest, drawn again and again, beside a softmax.

const USUAL = { noise: 0.06, nearest: 0.1, where: "all" };
const WHERE = ["all", "negatives alone"];
const NAMES = ["A", "B", "C", "D", "none"], OTHERS = [0.04, 0.01, -0.05];
const MEAN_OF_GUMBEL = 0.5772156649, START = 20, AT_ONCE = 500;

function generator(seed) { // Park and Miller's: the same numbers in every page
  let state = seed;
  return () => (state = state * 16807 % 2147483647) / 2147483647;
}

// The last contender is the zero of the hinge: picked where no negative violates.
function sampled(violations, noise, where, count, uniform) {
  const picks = violations.map(() => 0);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const noisy = violations.map((v, j) => {
      const centred = -Math.log(-Math.log(uniform())) - MEAN_OF_GUMBEL;
      return v + (where === "all" || j < violations.length - 1 ? noise * centred : 0);
    });
    const most = Math.max(...noisy);
    picks[noisy.indexOf(most)] += 1;
    total += most;
  }
  return { picks, total };
}

function softened(violations, temperature) {
  const top = Math.max(...violations), powers = violations.map(v => Math.exp((v - top) / temperature));
  return { shares: powers.map(p => p / sum(powers)), value: top + temperature * Math.log(sum(powers)) };
}

function drawingOfPicks() {
  const bars = NAMES.map((_, i) => shape("rect", { x: 40 + 72 * i, width: 26, fill: "var(--0)" }));
  const marks = NAMES.map((_, i) => shape("rect",
    { x: 70 + 72 * i, width: 26, fill: "none", stroke: "var(--1)", "stroke-width": 2.5 }));
  const numbers = NAMES.map((_, i) => shape("text", { x: 68 + 72 * i, y: 262, "text-anchor": "middle" }));
  const names = NAMES.map((name, i) => shape("text", { x: 68 + 72 * i, y: 244, "text-anchor": "middle" }, name));
  const ground = shape("line", { x1: 30, x2: 395, y1: 226, y2: 226, stroke: "var(--soft)" });
  const svg = shape("svg", { viewBox: "0 0 400 275", role: "img", "aria-label": "How often each is the hardest" },
    ground, ...bars, ...marks, ...names, ...numbers);
  return [svg, (violations, drawn, asked) => NAMES.forEach((_, i) => {
    const place = (bar, share) => set(bar, { y: 226 - 200 * share, height: 200 * share });
    place(bars[i], drawn[i]);
    place(marks[i], asked[i]);
    numbers[i].textContent = show(violations[i]);
  })];
}

function picture(root, given, alt) {
  const chosen = settings("noise", USUAL, given);
  if (!WHERE.includes(chosen.where)) chosen.where = USUAL.where;
  const told = announcer(), [drawing, draw] = drawingOfPicks();
  let uniform, picks, total, count;
  const violations = () => [chosen.nearest, ...OTHERS, 0];
  const more = () => {
    const found = sampled(violations(), chosen.noise, chosen.where, AT_ONCE, uniform);
    picks = picks.map((n, i) => n + found.picks[i]);
    [total, count] = [total + found.total, count + AT_ONCE];
    const asked = softened(violations(), chosen.noise), shares = picks.map(n => n / count);
    draw(violations(), shares, asked.shares);
    told.textContent = `${count} draws. A is the hardest in ${show(100 * shares[0], 0)} % `
      + `(softmax ${show(100 * asked.shares[0], 0)} %). `
      + `Mean of the hardest ${show(total / count, 3)}, smooth loss ${show(asked.value, 3)}.`;
  };
  const again = () => {
    [uniform, picks, total, count] = [generator(START), NAMES.map(() => 0), 0, 0];
    for (let i = 0; i < 10; i++) uniform();
    more();
  };
  const change = name => value => { chosen[name] = value; again(); };
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, drawing),
    element("div", { class: "panel" },
      element("p", {}, "Full bars: how often each negative is the hardest under noise. Frames: a softmax with the noise as its"
        + " temperature. Below the letters their violations; “none” is the zero of the hinge."),
      slider("noise", [0.01, 0.3, 0.01], chosen.noise, change("noise")),
      slider("violation of A", [-0.1, 0.2, 0.01], chosen.nearest, change("nearest")),
      choice("noise on", WHERE, chosen.where, change("where")),
      button(`draw ${AT_ONCE} more`, more), told)));
  again();
}
