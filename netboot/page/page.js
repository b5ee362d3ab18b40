// The page of a boot server: what it is told by server-sent events, drawn. Everything a machine may have said is put in as
// text, never as markup.
"use strict";

const nodes = new Map();
let systems = [];
let strangers = [];
let total = 0;
const drawn = new Map();
const $ = (id) => document.getElementById(id);

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < 3) { bytes /= 1024; unit += 1; }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

const moment = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
const named = (boot) => boot.system + (boot.generation == null ? "" : ` ${boot.generation}`);
const words = { running: "booting", booted: "booted", stopped: "stopped" };

function doing(boot) {
  const part = boot.progress;
  if (!part) return boot.summary;
  return `${part.file} by ${part.transport}: ${size(part.bytes)} of ${size(part.size)}`;
}

function drawNode(node) {
  let card = drawn.get(node.node);
  if (!card) {
    card = element("details", "card node");
    card.append(element("summary"), element("div", "boots"));
    card.addEventListener("toggle", () => { if (card.open) load(node.node); });
    drawn.set(node.node, card);
  }
  const boot = node.boots[0];
  const summary = card.firstChild;
  summary.replaceChildren(
    element("span", "mac", node.name ? `${node.name} (${node.node})` : node.node), element("span", `badge ${boot.outcome}`, words[boot.outcome]),
    element("span", "what", `${named(boot)} · ${doing(boot)}`),
    element("span", "what", moment(boot.began)));
  if (boot.progress && boot.progress.size > 0) {
    const bar = element("progress");
    bar.max = boot.progress.size;
    bar.value = boot.progress.bytes;
    bar.setAttribute("aria-label", doing(boot));
    summary.append(bar);
  }
  if (card.open) load(node.node);
  return card;
}

// A node's boots with their timelines, when someone looks.
async function load(node) {
  const answer = await fetch(`/api/nodes/${node}`);
  if (!answer.ok) return;
  const boots = await answer.json();
  const box = drawn.get(node)?.lastChild;
  if (!box) return;
  box.replaceChildren(...boots.slice(0, 6).map((boot) => {
    const part = element("div", "boot");
    const title = element("h3");
    title.append(
      element("span", `badge ${boot.outcome}`, words[boot.outcome]), element("span", "", named(boot)),
      element("span", "", moment(boot.began)));
    part.append(title, element("pre", "", boot.timeline.join("\n")));
    return part;
  }));
}

function draw() {
  const wanted = $("filter").value.trim().toLowerCase();
  const list = [...nodes.values()].filter((node) => node.boots.length)
    .sort((a, b) => b.boots[0].began - a.boots[0].began);
  const shown = list.filter((node) => `${node.node} ${node.name ?? ""} ${named(node.boots[0])}`.toLowerCase().includes(wanted));
  $("nodes").replaceChildren(...shown.map(drawNode));
  total = Math.max(total, list.length);
  $("none").hidden = list.length > 0;
  $("more").hidden = total <= list.length;
  $("more").textContent = `${total - list.length} more, which booted earlier, are not shown.`;
  const count = (outcome) => list.filter((node) => node.boots[0].outcome === outcome).length;
  $("counts").textContent =
    `${total} ${total === 1 ? "node" : "nodes"}: ${count("running")} booting, ${count("booted")} booted, ${count("stopped")} stopped`;
}

function drawSystems() {
  $("systems").replaceChildren(...systems.map((system) => {
    const card = element("div", "card system");
    card.append(element("h3", "", system.name));
    const trial = system.trial == null ? "" : `; generation ${system.trial} on trial by ${system.trialFor}`;
    card.append(element("p", "", `New boots get generation ${system.served}${trial}.`));
    const table = element("table");
    const head = element("tr");
    for (const name of ["", "kernel", "size", "segments", "RAM", "good on"]) head.append(element("th", "", name));
    table.append(head);
    for (const generation of system.generations) {
      const row = element("tr");
      const mark = generation.number === system.served ? " ●" : generation.number === system.trial ? " ○" : "";
      const cells = [
        `${generation.number}${mark}`, generation.kernel, size(generation.kernelBytes + generation.initramfsBytes),
        generation.segments, size(generation.peakMemoryBytes), generation.goodOn,
      ];
      for (const text of cells) row.append(element("td", "", text));
      table.append(row);
    }
    const scroll = element("div", "scroll");
    scroll.append(table);
    card.append(scroll);
    if ($("token").value) card.append(buttons(system));
    return card;
  }));
}

// Machines that asked and are no nodes; with the token each may be made one.
function drawStrangers() {
  $("strangers").hidden = strangers.length === 0;
  $("strangers-list").replaceChildren(...strangers.map((stranger) => {
    const card = element("div", "card stranger");
    card.append(
      element("span", "mac", stranger.mac), element("span", "what", stranger.client),
      element("span", "what", moment(stranger.last)));
    if (!$("token").value) return card;
    const form = element("form", "buttons");
    const name = element("input");
    name.placeholder = "its name";
    name.setAttribute("aria-label", `a name for ${stranger.mac}`);
    const choice = element("select");
    choice.setAttribute("aria-label", `the system of ${stranger.mac}`);
    choice.append(new Option("system", ""), ...systems.map((system) => element("option", "", system.name)));
    form.append(name, choice, element("button", "", "Adopt"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      document.activeElement.blur();
      const body = { mac: stranger.mac };
      if (name.value.trim()) body.name = name.value.trim();
      if (choice.value) body.system = choice.value;
      act("/api/adopt", body);
    });
    card.append(form);
    return card;
  }));
}

function buttons(system) {
  const box = element("div", "buttons");
  const newest = system.generations[0]?.number;
  const button = (text, path, body) => {
    const made = element("button", "", text);
    made.addEventListener("click", () => act(path, { system: system.name, ...body }));
    box.append(made);
  };
  if (newest !== system.served) button(`Publish ${newest} to all`, "/api/publish", { generation: newest });
  if (newest !== system.served && system.trial == null) {
    button(`Try ${newest} on 10%`, "/api/publish", { generation: newest, share: 10 });
  }
  button(system.trial == null ? "Roll back" : "End the trial", "/api/rollback", {});
  return box;
}

async function act(path, body) {
  const answer = await fetch(path, {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${$("token").value}` },
  });
  const said = await answer.json();
  $("answer").textContent = said.message ?? said.error;
}

function link(text, kind) {
  $("link").textContent = text;
  $("link").className = `badge ${kind}`;
}

const source = new EventSource("/api/events");
source.addEventListener("state", (event) => {
  const state = JSON.parse(event.data);
  nodes.clear();
  for (const node of state.nodes) nodes.set(node.node, node);
  total = state.nodeCount;
  systems = state.systems;
  strangers = state.strangers;
  link("live", "booted");
  draw();
  drawSystems();
  drawStrangers();
});
source.addEventListener("strangers", (event) => {
  strangers = JSON.parse(event.data);
  // Not under the hand of who is just naming one.
  if (!$("strangers-list").contains(document.activeElement)) drawStrangers();
});
source.addEventListener("nodes", (event) => {
  for (const node of JSON.parse(event.data)) {
    nodes.set(node.node, node);
  }
  draw();
});
source.addEventListener("systems", (event) => {
  systems = JSON.parse(event.data);
  drawSystems();
});
source.addEventListener("error", () => link("no answer, trying again", "stopped"));
$("filter").addEventListener("input", draw);
$("token").addEventListener("input", () => {
  drawSystems();
  drawStrangers();
});
$("show").addEventListener("submit", (event) => event.preventDefault());
