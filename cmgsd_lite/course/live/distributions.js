// How similarities of positives, false and true negatives move apart in a training: frames counted beforehand.

const USUAL = { loss: "", view: "", epoch: 0 };
const GROUPS = ["positives", "false negatives", "true negatives"], COLOURS = ["--2", "--1", "--0"];
const WIDE = 480, HIGH = 92, LEFT = 8; // of one group's row
const FRAME = 700; // milliseconds an epoch is shown

// The frame to draw; what the page or the address asks for and is not there becomes what is.
function chosenFrame(data, chosen) {
  const losses = Object.keys(data.losses), views = Object.keys(data.ranges);
  const loss = losses.includes(chosen.loss) ? chosen.loss : losses[0];
  const view = views.includes(chosen.view) ? chosen.view : views[0];
  const last = data.losses[loss].length - 1;
  const epoch = Math.min(last, Math.max(0, Math.round(chosen.epoch) || 0));
  return { loss, view, epoch, last, ...data.losses[loss][epoch] };
}

// One scale of heights for each view, whatever loss and epoch: what is compared is comparable.
function highest(data, view) {
  const all = Object.values(data.losses).flat().flatMap(frame => frame.shares[view].flat());
  return Math.max(1, ...all);
}

function saidOf({ loss, epoch, order }) {
  const when = epoch === 0 ? "before training" : `after ${epoch} epoch${epoch > 1 ? "s" : ""}`;
  return `${loss}, ${when}. In the order of one text, a false negative stands above a true one in `
    + `${show(order["FN above TN"], 0)} of 100 cases (chance: 50), its own clip above a false negative in `
    + `${show(order["own above FN"], 0)}.`;
}

function drawingOfDistributions() {
  const bars = GROUPS.map((_, g) => shape("g", { fill: `var(${COLOURS[g]})` }));
  const ghosts = GROUPS.map(() => shape("polyline", { fill: "none", stroke: "var(--soft)", "stroke-width": 1.5 }));
  const lines = GROUPS.flatMap((name, g) => [
    shape("line", { x1: LEFT, x2: LEFT + WIDE, y1: HIGH * (g + 1), y2: HIGH * (g + 1), stroke: "var(--soft)" }),
    shape("text", { x: LEFT + 2, y: HIGH * g + 16 }, name),
  ]);
  const axis = shape("g"), foot = 3 * HIGH;
  const label = shape("text", { x: LEFT + WIDE / 2, y: foot + 38, "text-anchor": "middle" });
  const svg = shape("svg", { viewBox: `0 0 ${WIDE + 2 * LEFT} ${foot + 46}`, role: "img",
    "aria-label": "Similarities by group, each bar a share of its own group" }, ...bars, ...ghosts, ...lines, axis, label);
  const draw = (frame, before, [low, high], top) => {
    const shares = frame.shares[frame.view], bin = WIDE / shares[0].length, scale = (HIGH - 22) / top;
    shares.forEach((row, g) => {
      const floor = HIGH * (g + 1);
      bars[g].replaceChildren(...row.map((share, b) => shape("rect",
        { x: LEFT + bin * b + 0.5, width: bin - 1, y: floor - scale * share, height: scale * share })));
      const points = before.shares[frame.view][g].map((share, b) => `${LEFT + bin * (b + 0.5)},${floor - scale * share}`);
      set(ghosts[g], { points: points.join(" ") });
    });
    const digits = Number.isInteger((high - low) / 5) ? 0 : 1;
    const ticks = Array.from({ length: 6 }, (_, i) => low + (i * (high - low)) / 5);
    axis.replaceChildren(...ticks.map((x, i) => shape("text",
      { x: LEFT + (WIDE * i) / 5, y: foot + 18, "text-anchor": ["start", "middle", "end"][i === 0 ? 0 : i === 5 ? 2 : 1] },
      show(x, digits))));
    label.textContent = frame.view === "cosine" ? "similarity of text and clip (cosine)"
      : "spreads above the mean of the text's negatives";
  };
  return [svg, draw];
}

function picture(root, given, alt) {
  if (!given.losses) return; // nothing was counted: the still picture stays
  const chosen = settings("distributions", USUAL, given.chosen ?? {});
  Object.assign(chosen, (({ loss, view, epoch }) => ({ loss, view, epoch }))(chosenFrame(given, chosen)));
  const [drawing, drawFrame] = drawingOfDistributions(), told = announcer();
  let timer = 0;
  const draw = () => {
    const frame = chosenFrame(given, chosen);
    drawFrame(frame, given.losses[frame.loss][0], given.ranges[frame.view], highest(given, frame.view));
    const input = when.querySelector("input");
    input.value = frame.epoch;
    when.lastChild.textContent = frame.epoch;
    if (!timer) told.textContent = saidOf(frame);
  };
  const rest = () => { clearInterval(timer); timer = 0; play.textContent = "train"; };
  const change = name => value => { rest(); chosen[name] = value; draw(); };
  const last = chosenFrame(given, chosen).last;
  const when = slider("epoch", [0, last, 1], chosen.epoch, change("epoch"));
  const play = button("train", () => {
    if (timer) { rest(); draw(); return; }
    chosen.epoch = calm() ? last : 0; // who wants no motion sees the end at once
    if (calm()) { draw(); return; }
    play.textContent = "pause";
    timer = setInterval(() => {
      chosen.epoch += 1;
      if (chosen.epoch >= last) rest();
      draw();
    }, FRAME);
    draw();
  });
  begin(root, alt).append(element("div", { class: "row" },
    element("div", { class: "picture" }, drawing),
    element("div", { class: "panel" },
      choice("loss", Object.keys(given.losses), chosen.loss, change("loss")),
      choice("view", Object.keys(given.ranges), chosen.view, change("view")),
      when, play,
      element("p", {}, "Bars: share of their own group, the same heights for every loss. Grey line: before training."),
      told)));
  draw();
}
