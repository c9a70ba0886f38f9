// One caption and the negatives of its batch: the margin that each teacher gives them, false and true ones apart.

const USUAL = { caption: 0, teacher: "" };
const WIDTH = 640, LEFT = 20, MOST = 0.4, LANES = { false: 60, true: 175 }, HIGH = { false: 3, true: 8 };

// How often a false negative has the smaller margin than a true one, ties half; null where there is nothing to compare.
function area(margins, right) {
  const near = margins.filter((_, j) => right[j]), far = margins.filter((_, j) => !right[j]);
  if (!near.length || !far.length) return null;
  let won = 0;
  for (const a of near) for (const b of far) won += a < b ? 1 : a === b ? 0.5 : 0;
  return won / (near.length * far.length);
}

const across = margin => LEFT + (WIDTH - 2 * LEFT) * Math.min(1, margin / MOST);

// Marks that would cover each other are laid above each other; where there are too many, a number says how many.
function stacked(places, right) {
  const columns = new Map();
  const marks = places.map((x, j) => {
    const kind = right[j] ? "false" : "true", key = `${kind} ${Math.round(x / 9)}`;
    const column = columns.get(key) ?? { x, kind, count: 0 };
    columns.set(key, column);
    column.count += 1;
    return [x, LANES[kind] - 9 * Math.min(column.count - 1, HIGH[kind])];
  });
  return [marks, [...columns.values()].filter(({ kind, count }) => count > HIGH[kind] + 1)];
}

function drawingOfAnchor(count) {
  const dots = Array.from({ length: count }, () => shape("path", { d: "M0,0" }));
  if (!calm()) for (const dot of dots) dot.style.transition = "transform .6s";
  const ticks = [0, 0.1, 0.2, 0.3, 0.4].flatMap(margin => [
    shape("line", { x1: across(margin), x2: across(margin), y1: 8, y2: 184, stroke: "var(--faint)" }),
    shape("text", { x: across(margin), y: 200, "text-anchor": "middle" }, show(margin, 1))]);
  const svg = shape("svg",
    { viewBox: `0 0 ${WIDTH} 222`, role: "img", "aria-label": "Margins of the false and of the true negatives" },
    ...ticks, shape("text", { x: LEFT, y: 14 }, "▲ false negatives: the caption is true"),
    shape("text", { x: LEFT, y: 90 }, "● true negatives"), ...dots,
    shape("text", { x: WIDTH / 2, y: 218, "text-anchor": "middle" }, "margin (the nearer, the smaller; fixed: 0.2)"));
  const numbers = shape("g");
  svg.append(numbers);
  const draw = (margins, right) => {
    const [marks, crowded] = stacked(margins.map(across), right);
    marks.forEach(([x, y], j) => {
      set(dots[j], {
        d: right[j] ? "M0,-8l8,14h-16z" : "M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0",
        fill: right[j] ? "var(--1)" : "var(--0)", stroke: "var(--ground)", "stroke-width": 0.7,
      });
      dots[j].style.transform = `translate(${x}px, ${y}px)`;
    });
    numbers.replaceChildren(...crowded.map(({ x, kind, count }) =>
      shape("text", { x: x + 12, y: LANES[kind] - 9 * HIGH[kind] + 4 }, `${count} here`)));
  };
  return [svg, draw];
}

function picture(root, given, alt) {
  const chosen = settings("anchor", USUAL, {});
  const captions = given.captions ?? [], teachers = Object.keys(given.margins ?? {});
  if (!captions.length) return; // nothing was given: the still picture stays
  if (!captions[chosen.caption]) chosen.caption = 0;
  if (!teachers.includes(chosen.teacher)) chosen.teacher = teachers[0];
  const told = announcer();
  const [drawing, draw] = drawingOfAnchor(given.true[0].length);
  const redraw = () => {
    const right = given.true[chosen.caption], margins = given.margins[chosen.teacher][chosen.caption].map(m => m / 1000);
    draw(margins, right);
    const share = area(margins, right);
    told.textContent = `“${captions[chosen.caption]}” is true of ${right.filter(Boolean).length}`
      + ` of ${right.length} other clips. `
      + `By ${chosen.teacher}: AUC ${share === null ? "none" : show(100 * share, 0) + " %"}. `
      + `Nearest: ${given.nearest[chosen.teacher][chosen.caption].join("; ")}.`;
  };
  begin(root, alt).append(
    choice("caption", captions, captions[chosen.caption], text => { chosen.caption = captions.indexOf(text); redraw(); }),
    choice("teacher", teachers, chosen.teacher, name => { chosen.teacher = name; redraw(); }),
    drawing, told);
  redraw();
}
