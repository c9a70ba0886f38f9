// Two answers to one false negative, side by side: which share of the push falls on which pair?

// The share of all pushes apart that each pair takes, in percent; a pair that is drawn together takes none.
function sharesOf(pushes) {
  const apart = pushes.map((row, i) => row.map((x, j) => (i === j ? 0 : Math.max(0, x))));
  const all = sum(apart.flat());
  return apart.map(row => row.map(x => (all > 0 ? (100 * x) / all : 0)));
}

const CELL = 74, EDGE = 62;

function drawingOfAnswer(n, isFalse) {
  const at = k => EDGE + CELL * k;
  const cells = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => ({
    bar: shape("rect", { x: at(j) + 6, width: CELL - 12, fill: isFalse(i, j) ? "var(--1)" : "var(--0)" }),
    sim: shape("text", { x: at(j) + CELL / 2, y: at(i) + 18, "text-anchor": "middle" }),
    share: shape("text", { x: at(j) + CELL / 2, y: at(i) + CELL - 8, "text-anchor": "middle", style: "font-weight:bold" }),
    frame: shape("rect", { x: at(j), y: at(i), width: CELL, height: CELL, fill: "none", stroke: "var(--soft)",
      "stroke-width": isFalse(i, j) ? 4 : 1, "stroke-dasharray": i === j ? "3 3" : "none" }),
  })));
  const names = Array.from({ length: n }, (_, k) => [
    shape("text", { x: at(k) + CELL / 2, y: EDGE - 8, "text-anchor": "middle" }, `video ${k}`),
    shape("text", { x: EDGE - 8, y: at(k) + CELL / 2, "text-anchor": "end" }, `text ${k}`)]);
  const size = EDGE + CELL * n + 6;
  const svg = shape("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "Share of the push on each pair" },
    ...cells.flat().flatMap(c => [c.bar, c.frame, c.sim, c.share]), ...names.flat());
  const draw = (sim, shares) => cells.forEach((row, i) => row.forEach((c, j) => {
    const height = ((CELL - 46) * shares[i][j]) / 100;
    set(c.bar, { y: at(i) + CELL - 24 - height, height });
    c.sim.textContent = show(sim[i][j]);
    c.share.textContent = i === j ? "" : `${show(shares[i][j], 0)} %`;
  }));
  return [svg, draw];
}

// data: sim, pair (the false negative), values (of its similarity), pushes by answer and value.
function picture(root, { sim, pair, values, start, answers }, alt) {
  const names = Object.keys(answers), chosen = [names[0], names[1]];
  let at = start;
  const drawings = chosen.map(() => drawingOfAnswer(sim.length, (i, j) => i === pair[0] && j === pair[1]));
  const told = announcer();
  const draw = () => {
    const now = sim.map((row, i) => row.map((s, j) => (i === pair[0] && j === pair[1] ? values[at] : s)));
    const said = chosen.map((name, k) => {
      const shares = sharesOf(answers[name][at]);
      drawings[k][1](now, shares);
      const [i, j] = pair, push = answers[name][at][i][j];
      return `${name} ${push < 0 ? "a pull" : "a push"} of ${show(Math.abs(push))}, ${show(shares[i][j], 0)} % of all push`;
    });
    told.textContent = `On the false negative (similarity ${show(values[at])}): ${said.join("; ")}.`;
  };
  const step = values[1] - values[0];
  const ranged = slider("false negative", [values[0], values[values.length - 1], step], values[at],
    value => { at = Math.round((value - values[0]) / step); draw(); });
  const columns = chosen.map((name, k) => element("div", { class: "picture" },
    choice(k ? "right" : "left", names, name, value => { chosen[k] = value; draw(); }), drawings[k][0]));
  begin(root, alt).append(ranged, element("div", { class: "row" }, ...columns), told,
    element("p", {}, "Thick frame: the false negative. Dashed: partners. Above: the similarity; below: the share of the push."));
  draw();
}
