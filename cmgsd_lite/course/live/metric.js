// A 4 x 4 matrix to break: what four ways of writing R@1 say of it.

const USUAL = { case: "" };
const SIM = [[0.8, 0, 0.6, 1], [0.6, 1, 0.8, 0], [0.96, 0.8, 1, 0.6], [1, 0.6, 0.96, 0.8]];

const byScore = (x, y) => Number.isNaN(x) - Number.isNaN(y) || y - x || 0; // high first, NaN at the end
const percent = (part, whole) => (whole ? (100 * part) / whole : NaN);
const count = list => list.filter(Boolean).length;

// All places at which the sorted row equals the own score, of all rows in one list.
function commonCode(sim) {
  const places = sim.flatMap((row, i) =>
    [...row].sort(byScore).flatMap((score, place) => (score - row[i] === 0 ? [place] : [])));
  return percent(count(places.map(place => place === 0)), places.length);
}

function byArgsort(sim) {
  const first = sim.map(row => row.map((_, j) => j).sort((a, b) => byScore(row[a], row[b]) || a - b)[0]);
  return percent(count(first.map((j, i) => j === i)), sim.length);
}

function optimistic(sim) {
  return percent(count(sim.map((row, i) => !row.some(score => score > row[i]))), sim.length);
}

function tieAveragedRank(row, i) {
  if (!row.every(Number.isFinite)) return NaN;
  return 1 + count(row.map(score => score > row[i])) + (count(row.map(score => score === row[i])) - 1) / 2;
}

function ours(sim) {
  const ranks = sim.map(tieAveragedRank);
  return ranks.some(Number.isNaN) ? NaN : percent(count(ranks.map(rank => rank <= 1)), sim.length);
}

const CODES = { "common code": commonCode, "argsort": byArgsort, "optimistic": optimistic, "tie-averaged": ours };

function number(text) {
  const plain = text.trim().toLowerCase().replace("−", "-").replace(",", ".");
  const known = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  return plain in known ? known[plain] : plain === "" ? undefined : +plain;
}

function written(value) {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
}

function picture(root, given, alt) {
  const cases = given.cases ?? { "a matrix": SIM }, names = Object.keys(cases), wanted = settings("metric", USUAL, given).case;
  const start = names.includes(wanted) ? wanted : names[0];
  let sim = [];
  const told = announcer(), table = element("table"); // without a body: pages stripe that
  const results = Object.keys(CODES).map(name => [name, element("td", { style: "font-weight: bold" })]);
  const draw = ranks => {
    for (const [name, cell] of results) {
      const value = CODES[name](sim);
      cell.textContent = Number.isFinite(value) ? `${show(value, 0)} %` : name === "tie-averaged" ? "refused" : "NaN";
    }
    sim.forEach((row, i) => {
      const rank = tieAveragedRank(row, i);
      ranks[i].textContent = Number.isNaN(rank) ? "rank ?" : `rank ${String(rank)}`;
    });
    told.textContent = `R@1: ${results.map(([name, cell]) => `${name} ${cell.textContent}`).join(", ")}.`;
  };
  const head = element("tr", {}, element("td"), ...[1, 2, 3, 4].map(j => element("th", { scope: "col" }, `video ${j}`)));
  const take = name => {
    sim = cases[name].map(row => [...row]);
    const ranks = sim.map(() => element("td"));
    const cells = sim.map((row, i) => row.map((value, j) => element("td", {}, element("input", {
      type: "text", value: written(value), "aria-label": `similarity of text ${i + 1} and video ${j + 1}`,
      style: `width: 3rem; text-align: right${i === j ? "; border: 2px solid var(--3); font-weight: bold" : ""}`,
      input: event => {
        const typed = number(event.target.value);
        if (typed === undefined || (Number.isNaN(typed) && !/nan/i.test(event.target.value))) return;
        sim[i][j] = typed;
        draw(ranks);
      },
    }))));
    table.replaceChildren(head, ...cells.map((row, i) =>
      element("tr", {}, element("th", { scope: "row" }, `text ${i + 1}`), ...row, ranks[i])));
    draw(ranks);
  };
  begin(root, alt).append(
    element("div", { class: "row" },
      element("div", { class: "picture", style: "overflow-x: auto" }, table),
      element("div", { class: "panel" },
        choice("case", names, start, take),
        element("table", {}, element("caption", { style: "text-align: left" }, "R@1, text to video"),
          ...results.map(([name, cell]) => element("tr", {}, element("th", { scope: "row" }, name), cell))),
        element("p", {}, "The framed diagonal is right. Change any number; NaN and inf are understood."))), told);
  take(start);
}
