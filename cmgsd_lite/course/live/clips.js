// Clips in motion under a sentence. Asked first: of which of them is it true? Then compared with the truth.

const FRAMES = 8, PAUSE = 160; // frames of a clip; milliseconds of one

// What the reader's ticks and the usual metric make of the same clips; one query gives R@1 0 or 1.
function comparison(found, ticked) {
  const right = found.filter((item, i) => (item.kind !== "not true") === ticked[i]).length;
  const place = found.findIndex(item => item.kind === "own") + 1;
  const first = found[0].kind !== "not true";
  const counted = place === 1 ? "R@1 counts a success: the own clip comes first."
    : `R@1 counts a mistake${first ? ", although the sentence is true of the first clip" : ", and it is one"}: `
      + (place ? `the own clip stands in place ${place}.` : `the own clip is not among these ${found.length}.`);
  return `You and the truth agree on ${right} of ${found.length} clips. ${counted}`;
}

const EDGES = { own: "--2", true: "--1", "not true": "--soft" };

function film({ strip, facets }) {
  return element("div", {
    role: "img", "aria-label": facets.join(" "),
    style: `width: 100%; aspect-ratio: 1; background: url(${strip}) 0 0 / ${100 * FRAMES}% 100%`,
  });
}

function card(item, i, films, ask) {
  const { facets } = films[item.clip], picture = film(films[item.clip]);
  const tick = element("input", { type: "checkbox" });
  const title = element("div", {}, `${i + 1}.`);
  // Hidden while the reader judges; the film's own label tells them to a screen reader.
  const words = element("div", ask ? { style: "visibility: hidden" } : {}, ...facets.map(line => element("div", {}, line)));
  const box = element("div", { style: "flex: 1 1 7rem; max-width: 11rem; padding: .2rem; border: 4px solid var(--faint)" },
    title, picture, ...(ask ? [element("label", { style: "display: block" }, tick, " true of it")] : []), words);
  const reveal = () => {
    title.textContent = item.title;
    words.style.visibility = "visible";
    box.style.borderColor = `var(${EDGES[item.kind]})`;
  };
  if (!ask) reveal();
  return { box, picture, tick, reveal };
}

function picture(root, given, alt) {
  const { films, sentences, ask } = { films: {}, sentences: [], ask: false, ...given };
  const told = announcer(), row = element("div", { class: "row", style: "align-items: stretch" });
  const said = element("p", { style: "font-size: 1.2em" });
  let cards = [], at = 0, frame = 0, moving = !calm();
  const turnTo = text => {
    at = Math.max(0, sentences.findIndex(sentence => sentence.text === text));
    cards = (sentences[at]?.found ?? []).map((item, i) => card(item, i, films, ask));
    said.textContent = `“${sentences[at]?.text ?? ""}”`;
    told.textContent = "";
    row.replaceChildren(...cards.map(({ box }) => box));
  };
  const compare = () => {
    cards.forEach(({ reveal }) => reveal());
    told.textContent = comparison(sentences[at].found, cards.map(({ tick }) => tick.checked));
  };
  const rest = button(moving ? "pause" : "play", () => { moving = !moving; rest.textContent = moving ? "pause" : "play"; });
  begin(root, alt);
  if (sentences.length > 1) {
    root.append(choice("sentence", sentences.map(({ text }) => text), sentences[0].text, turnTo));
    set(root.lastChild, { style: "grid-template-columns: 7rem auto; justify-content: start" });
  }
  root.append(said, row, rest, ...(ask ? [button("compare with the truth", compare)] : []), told);
  turnTo(sentences[0]?.text);
  const timer = setInterval(() => {
    if (!root.isConnected) return clearInterval(timer);
    if (moving) frame = (frame + 1) % FRAMES;
    for (const { picture } of cards) picture.style.backgroundPosition = `${(100 * frame) / (FRAMES - 1)}% 0`;
  }, PAUSE);
}
