"use strict";
const root = document.documentElement;

// -- colours: the system's, or those of the button ------------------------------------------------------------------
const dark = matchMedia("(prefers-color-scheme: dark)");
const remembered = "tubenet-theme";
function setTheme(theme) {
  root.dataset.theme = theme;
  document.querySelectorAll(".scene.drawn").forEach(colour);
}
try {
  const kept = localStorage.getItem(remembered);
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
} catch { /* a browser that remembers nothing of files */ }
document.getElementById("theme").addEventListener("click", () => {
  const now = root.dataset.theme || (dark.matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  setTheme(next);
  try { localStorage.setItem(remembered, next); } catch { /* likewise */ }
});
dark.addEventListener("change", () => document.querySelectorAll(".scene.drawn").forEach(colour));

// -- tables are sorted by their headings ----------------------------------------------------------------------------
document.querySelectorAll("table.sortable").forEach(table => {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach(each => each.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    const rows = [...table.tBodies[0].rows].sort((one, two) => {
      const [a, b] = [value(one), value(two)];
      if (a === "" || b === "") return (a === "") - (b === "");  // undefined comes last
      return sign * (column ? a - b : a.localeCompare(b, undefined, {numeric: true}));
    });
    table.tBodies[0].append(...rows);
  }));
});

// -- a picture can be enlarged --------------------------------------------------------------------------------------
const large = document.getElementById("large");
document.addEventListener("click", event => {
  const frame = event.target.closest(".frame");
  if (frame) {
    const [picture, shown] = [frame.querySelector("img"), large.querySelector("img")];
    shown.src = picture.src;
    shown.alt = picture.alt;
    shown.style.aspectRatio = picture.style.aspectRatio;
    shown.style.objectFit = "fill";
    const [width, height] = picture.style.aspectRatio.split("/").map(Number);
    shown.style.width = `min(90vw, ${80 * width / height}vh)`;
    large.querySelector("p").textContent = `${picture.alt} (bar: ${frame.querySelector(".bar").textContent})`;
    large.showModal();
  } else if (event.target === large) {
    large.close();
  }
});

// -- a link to a volume unfolds it ----------------------------------------------------------------------------------
function unfold() {
  const found = location.hash && document.getElementById(location.hash.slice(1));
  if (found && found.tagName === "DETAILS") {
    found.open = true;
    found.scrollIntoView();
  }
}
addEventListener("hashchange", unfold);
unfold();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach(each => { each.open = true; });
});
addEventListener("afterprint", () => folded.forEach(each => { each.open = false; }));

// -- three dimensions: unpacked and drawn when in sight, and given up when far away, for a browser draws few ---------
async function unpack(id) {
  const letters = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(letters, letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
let library;
function plotly() {
  library ??= unpack("library").then(text => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    return window.Plotly;
  });
  return library;
}
const css = name => getComputedStyle(document.body).getPropertyValue(name).trim();
function colour(scene) {
  const change = {font: {color: css("--text"), size: 12}};
  for (const axis of ["xaxis", "yaxis", "zaxis"]) {
    change[`scene.${axis}.color`] = css("--dim");
    change[`scene.${axis}.gridcolor`] = css("--rule");
  }
  return Plotly.relayout(scene.querySelector(".plot"), change);
}
async function draw(scene) {
  if (scene.classList.contains("drawn") || scene.dataset.busy) return;
  scene.dataset.busy = "1";
  const waiting = scene.querySelector(".waiting");
  waiting.hidden = false;
  waiting.textContent = "Drawing …";
  try {
    const Plotly = await plotly();
    const figure = JSON.parse(await unpack(scene.dataset.of));
    const plot = scene.querySelector(".plot");
    const {eye} = figure.layout.scene.camera;
    const narrow = Math.max(1, 1.15 * plot.clientHeight / plot.clientWidth);  // on a phone one stands further back
    for (const axis of "xyz") eye[axis] *= narrow;
    await Plotly.newPlot(plot, figure.data, figure.layout,
      {responsive: true, displayModeBar: false, displaylogo: false, scrollZoom: false, showTips: false});
    scene.classList.add("drawn");
    waiting.hidden = true;
    const names = figure.data.map(each => each.name);
    scene.querySelectorAll(".choice").forEach(choice => {
      choice.hidden = names.length < 2;
    });
    scene.querySelector(".tools").hidden = false;
    scene.home = structuredClone(figure.layout.scene.camera);
    await choose(scene);
    await colour(scene);
  } catch (error) {
    waiting.textContent = `This browser cannot draw in three dimensions (${error.message}).`;
  }
  delete scene.dataset.busy;
}
function giveUp(scene) {
  if (!scene.classList.contains("drawn")) return;
  Plotly.purge(scene.querySelector(".plot"));
  scene.classList.remove("drawn");
  scene.querySelector(".tools").hidden = true;
  scene.querySelector(".waiting").hidden = false;
}
function choose(scene) {
  const plot = scene.querySelector(".plot");
  const shown = name => scene.querySelector(`[name=${name}]`).checked;
  if (plot.data.length < 2) return;
  return Plotly.restyle(plot, {
    visible: plot.data.map(each => shown(each.name)),
    opacity: plot.data.map(each => each.name === "surface" && shown("skeleton") ? 0.3 : 1),
  });
}
function look(scene, change) {
  const plot = scene.querySelector(".plot");
  const camera = structuredClone(plot._fullLayout.scene._scene.getCamera());
  return Plotly.relayout(plot, {"scene.camera": change(camera)});
}
const nearer = factor => camera => {
  for (const axis of "xyz") camera.eye[axis] = camera.center[axis] + factor * (camera.eye[axis] - camera.center[axis]);
  return camera;
};
const turned = degrees => camera => {
  const [angle, {x, y}] = [degrees * Math.PI / 180, camera.eye];
  camera.eye.x = x * Math.cos(angle) - y * Math.sin(angle);
  camera.eye.y = x * Math.sin(angle) + y * Math.cos(angle);
  return camera;
};
document.querySelectorAll(".scene").forEach(scene => {
  scene.addEventListener("change", () => choose(scene));
  scene.addEventListener("click", ({target}) => {
    if (target.dataset.zoom) look(scene, nearer(Number(target.dataset.zoom)));
    if (target.dataset.turn) look(scene, turned(Number(target.dataset.turn)));
    if (target.dataset.home) look(scene, () => structuredClone(scene.home));
  });
});
if (document.querySelector(".scene")) {
  if (typeof DecompressionStream === "undefined") {
    document.querySelectorAll(".waiting").forEach(each => { each.textContent = "This browser is too old for this view."; });
  } else {
    const near = new IntersectionObserver(seen => seen.forEach(each => { if (each.isIntersecting) draw(each.target); }),
      {rootMargin: "100px"});
    const far = new IntersectionObserver(seen => seen.forEach(each => { if (!each.isIntersecting) giveUp(each.target); }),
      {rootMargin: "1500px"});
    document.querySelectorAll(".scene").forEach(scene => { near.observe(scene); far.observe(scene); });
  }
}
