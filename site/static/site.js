// What the pages need beside the theme; it asks no network.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

// Moving pictures follow the page's light or dark as they follow JupyterLab's.
function followTheme() {
  const chosen = document.body.dataset.theme;
  const dark = chosen === "dark" || (chosen !== "light" && systemDark.matches);
  document.body.dataset.jpThemeLight = String(!dark);
}

// What is wider than the page is moved by keyboard too.
function reachByKeyboard() {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .math-wrapper, .cell_output, .cmgsd-live .picture")) {
    const wide = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
    if (!wide || box.querySelector("a, button, input, select, [tabindex]")) continue;
    box.tabIndex = 0;
    if (box.hasAttribute("role")) continue;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.matches("pre") ? "code, wider than the page" : "wider than the page");
  }
}

// A picture that moves by itself gets a button; it rests at once for who wants no motion.
function restAndPlay(image) {
  const moving = image.src, name = moving.replace(/^.*\/|\.\w+$/g, "");
  const still = `${document.documentElement.dataset.content_root}_static/stills/${name}.png`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rest";
  const set = plays => {
    image.src = plays ? moving : still;
    button.textContent = plays ? "pause the picture" : "play the picture";
    button.onclick = () => set(!plays);
  };
  set(!calm.matches);
  image.after(button);
}

// Paper can not be unfolded, and is white.
const folded = []; // said twice, the second time finds nothing folded: the first list stays
addEventListener("beforeprint", () => {
  folded.push(...document.querySelectorAll("article details:not([open])"));
  for (const fold of folded) fold.open = true;
  document.body.dataset.jpThemeLight = "true";
});
addEventListener("afterprint", () => {
  for (const fold of folded.splice(0)) fold.open = false;
  followTheme();
});

document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Contents");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
followTheme();
systemDark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(document.body, { attributeFilter: ["data-theme"] });
for (const image of document.querySelectorAll('img[src$=".gif"], img[src$=".webp"]')) restAndPlay(image);
reachByKeyboard();
addEventListener("load", () => {
  reachByKeyboard();
  window.MathJax?.startup?.promise?.then(reachByKeyboard); // formulas are set after the page
});
addEventListener("resize", reachByKeyboard);
