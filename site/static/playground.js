// The playground: its pictures' settings stand in the address, so that a state can be sent and gone back to.
// #circle?loss=hardest&step=300;matrix?margin=0.4 . Below this the pictures' scripts follow, each with a call of play.

const states = {}, redraw = {};
const REST = 400; // milliseconds without a change, after which the address says so

function address() {
  const parts = Object.entries(states).map(([name, state]) => `${name}?${new URLSearchParams(state)}`);
  return `#${parts.join(";")}`;
}

function tellAddress() {
  document.getElementById("playground-address").value = location.href;
}

let waiting = 0;
function remember(name, state) {
  states[name] = state;
  if (!Object.keys(state).length) delete states[name];
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (address() !== (location.hash || "#")) history.pushState(null, "", address());
    tellAddress();
  }, REST);
}

function play(name, picture) {
  let root = document.querySelector(`.playground [data-name="${name}"]`);
  const bare = root.cloneNode(true);
  const controls = () => [...root.querySelectorAll("button, input, select")];
  redraw[name] = () => {
    const at = controls().indexOf(document.activeElement);
    const fresh = bare.cloneNode(true); // what the old one still does, it does unseen and unheard
    root.replaceWith(fresh);
    root = fresh;
    root.addEventListener("chosen", event => remember(name, event.detail));
    picture(root, {}, root.dataset.alt);
    if (at >= 0) controls()[at]?.focus();
    clearTimeout(waiting); // the address is where this comes from
  };
  redraw[name]();
}

// Back and forward, and an address typed by hand.
addEventListener("popstate", () => {
  for (const name of Object.keys(redraw)) {
    delete states[name];
    redraw[name]();
  }
  tellAddress();
});

document.getElementById("playground-copy").addEventListener("click", async () => {
  const field = document.getElementById("playground-address");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    document.getElementById("playground-copied").textContent = "copied";
  } catch {
    document.getElementById("playground-copied").textContent = "selected: copy it with your keyboard";
  }
});
addEventListener("DOMContentLoaded", tellAddress);
