// The square of a batch: which pairs are seen, what stands at once, by how many processes it is shared.

const USUAL = { pairs: 12, processes: 2, how: "apart", block: 3, place: 1 };
const WAYS = ["apart", "gathered", "in blocks"];
const SIDE = 360, FRAME = 24;

// Similarities that are the same everywhere: texts i and videos j resemble one another by a fixed rule.
function similarity(i, j) {
  const noise = Math.sin(127.1 * (i + 1) + 311.7 * (j + 1)) * 43758.5;
  return noise - Math.floor(noise);
}

function square({ pairs, processes, how, block, place }) {
  const owner = i => (how === "in blocks" ? 0 : Math.floor((i * processes) / pairs));
  const rows = how === "in blocks" ? Math.min(pairs, block * place) : pairs;
  const seen = (i, j) => i < rows && (how !== "apart" || owner(i) === owner(j));
  const standing = (i, j) => seen(i, j) && (how !== "in blocks" || i >= block * (place - 1));
  const all = [...Array(pairs).keys()], negatives = i => all.filter(j => j !== i);
  const best = (j, among) => among.reduce((a, i) => (a < 0 || similarity(i, j) > similarity(a, j) ? i : a), -1);
  const hardest = all.map(j => best(j, negatives(j).filter(i => seen(i, j))));
  const count = all.reduce((sum, i) => sum + negatives(i).filter(j => seen(i, j)).length, 0);
  const part = Math.ceil(pairs / processes);
  const held = { apart: part * part, gathered: pairs * pairs, "in blocks": Math.min(block, pairs) * pairs }[how];
  return {
    owner, seen, standing, hardest, held, count, blocks: Math.ceil(pairs / block),
    found: all.filter(j => hardest[j] === best(j, negatives(j))).length,
  };
}

function drawingOfSquare() {
  const cells = shape("g"), rings = shape("g");
  const svg = shape("svg",
    { viewBox: `0 0 ${SIDE + FRAME} ${SIDE + FRAME}`, role: "img", "aria-label": "The square of a batch" },
    shape("text", { x: FRAME, y: 15 }, "videos →"),
    shape("text", { x: 15, y: FRAME, transform: `rotate(90 10 ${FRAME})` }, "texts →"),
    cells, rings);
  const draw = (chosen, found) => {
    const size = SIDE / chosen.pairs, all = [...Array(chosen.pairs).keys()];
    const box = (i, j) => ({ x: FRAME + size * j, y: FRAME + size * i, width: size - 1, height: size - 1 });
    cells.replaceChildren(...all.flatMap(i => all.map(j => shape("rect", {
      ...box(i, j), fill: found.seen(i, j) ? `var(--${found.owner(i) % 5})` : "var(--faint)",
      "fill-opacity": i === j ? 1 : found.standing(i, j) ? 0.75 : 0.3,
    }))));
    rings.replaceChildren(...all.filter(j => found.hardest[j] >= 0).map(j => shape("circle", {
      cx: FRAME + size * (j + 0.5), cy: FRAME + size * (found.hardest[j] + 0.5), r: size / 3.2,
      fill: "none", stroke: "var(--ink)", "stroke-width": 2,
    })));
  };
  return [svg, draw];
}

function picture(root, given, alt) {
  const chosen = settings("batch", USUAL, given), told = announcer(), [drawing, draw] = drawingOfSquare();
  if (!WAYS.includes(chosen.how)) chosen.how = USUAL.how;
  let timer = 0;
  const redraw = () => {
    chosen.place = Math.min(chosen.place, Math.ceil(chosen.pairs / chosen.block));
    const found = square(chosen), n = chosen.pairs;
    draw(chosen, found);
    told.textContent = `${chosen.how}: ${found.count} of ${n * (n - 1)} negative pairs seen `
      + `(${show((100 * found.count) / (n * (n - 1)), 0)} %). A process holds ${found.held} numbers at once. `
      + `Of ${found.found} of ${n} videos the ring is at the hardest negative of all.`;
    return found;
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "play the blocks"; };
  const ahead = () => {
    const last = Math.ceil(chosen.pairs / chosen.block);
    chosen.place = calm() ? last : Math.min(last, chosen.place + 1);
    redraw();
    if (chosen.place === last) stop();
  };
  const play = button("play the blocks", () => {
    if (timer) { stop(); return; }
    chosen.how = "in blocks";
    way.querySelector("select").value = chosen.how;
    chosen.place = 1;
    redraw();
    play.textContent = "pause";
    timer = setInterval(ahead, 700);
  });
  const way = choice("how", WAYS, chosen.how, value => {
    chosen.how = value;
    chosen.place = square(chosen).blocks;
    redraw();
  });
  const ranged = (name, key, range) => slider(name, range, chosen[key], value => { chosen[key] = value; redraw(); });
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, drawing),
    element("div", { class: "panel" }, way, ranged("pairs", "pairs", [4, 24, 2]),
      ranged("processes", "processes", [1, 4, 1]), ranged("block", "block", [1, 6, 1]), play,
      element("p", {}, "A colour is a process; full cells stand in memory, pale ones were seen and forgotten, grey ones are"
        + " not seen (in blocks: not yet, and all processes do the same). Dark: own pairs. A ring is the hardest"
        + " negative of a video (of a column) so far."), told)));
  redraw();
}
