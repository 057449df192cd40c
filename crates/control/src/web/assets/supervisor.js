// What is live on the pages. Without it they show what was so when they were loaded, and
// every button works as the form that it is.
"use strict";

const LOG_LIMIT = 1 << 20; // Characters of a log that are kept on the page.
const USAGE_EVERY = 3000; // Milliseconds between two looks at what programs use.
const RETRY_AFTER = 2000; // Milliseconds until a lost connection is tried again.
const LOST = "Connection to the supervisor lost. The data shown may be out of date.";

const message = document.getElementById("status_msg");

function say(text, failed) {
  message.textContent = text;
  message.classList.toggle("failed", failed);
}

// ---- Buttons

const dialog = document.getElementById("confirm");

function confirmed(question, label) {
  document.getElementById("question").textContent = question;
  document.getElementById("yes").textContent = label;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function carryOut(form, label) {
  const place = form.closest("tr, section, header");
  const whom = form.elements.processname?.value.replace(/:\*$/, "") ?? "all programs";
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.api, { method: "POST" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    const refused = told.outcomes?.filter((outcome) => !outcome.done) ?? [];
    if (refused.length > 0) {
      throw new Error(refused.map((one) => `${one.name}: ${one.detail}`).join("; "));
    }
    say(`${label}: ${whom}, done`, false);
  } catch (error) {
    say(`${label}: ${error.message}`, true);
  } finally {
    place.removeAttribute("aria-busy");
    look();
    renew();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  carryOut(form, form.querySelector("button").textContent);
});

// What unfolds without us asks in a dialog with us.
document.addEventListener("click", async (event) => {
  const summary = event.target.closest("details[data-action] > summary");
  if (!summary) return;
  event.preventDefault();
  const details = summary.parentElement;
  const question = details.querySelector("p").textContent;
  if (await confirmed(question, summary.textContent)) {
    carryOut(details.querySelector("form"), summary.textContent);
  }
});

// ---- All programs

const CLASSES = { RUNNING: "statusrunning", FATAL: "statuserror", BACKOFF: "statuserror" };
const COUNTED = [
  ["running", ["running"]],
  ["unhealthy", ["unhealthy"]],
  ["starting", ["starting"]],
  ["stopping", ["stopping"]],
  ["waiting to retry", ["backoff"]],
  ["failed", ["fatal"]],
  ["stopped", ["stopped", "exited"]],
];
const rows = new Map();
const samples = new Map();
let looking = null;
let again = false;

function findRows() {
  rows.clear();
  for (const row of document.querySelectorAll("tr[data-name]")) rows.set(row.dataset.name, row);
}

function span(seconds) {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

function size(bytes) {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  let amount = bytes / 1024;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${amount.toFixed(amount < 10 ? 2 : amount < 100 ? 1 : 0)} ${units[unit]}`;
}

// Of one processor: since the last look, or since the start if this is the first.
function cpu(program, now) {
  if (program.cpu_seconds === null || program.uptime_seconds === null) return "–";
  const before = samples.get(program.name);
  samples.set(program.name, { pid: program.pid, used: program.cpu_seconds, at: now });
  let [used, passed] = [program.cpu_seconds, program.uptime_seconds];
  if (before && before.pid === program.pid) {
    [used, passed] = [used - before.used, (now - before.at) / 1000];
    if (passed < 0.5) {
      samples.set(program.name, before);
      return null;
    }
  }
  return `${Math.max(0, (100 * used) / Math.max(passed, 0.01)).toFixed(0)} %`;
}

function ago(moment) {
  return `${span(Math.max(0, (Date.now() - Date.parse(moment)) / 1000))} ago`;
}

function describe(program) {
  if (program.waits_for !== null) return `waiting for ${program.waits_for}`;
  switch (program.state) {
    case "STOPPED":
    case "EXITED":
      return program.started_at === null ? "Not started" : ago(program.stopped_at);
    case "FATAL":
    case "BACKOFF":
      return program.error ?? "";
    default:
      if (program.pid === null) return "";
      return [
        `pid ${program.pid}`,
        program.processes > 1 ? `${program.processes} processes` : null,
        program.remark,
      ]
        .filter((part) => part !== null)
        .join(", ");
  }
}

// The word for a program: "unhealthy" if it runs and is unhealthy, otherwise its state.
function shown(program) {
  const lives = program.state === "STARTING" || program.state === "RUNNING";
  return lives && program.health === "unhealthy" ? "unhealthy" : program.state.toLowerCase();
}

function set(row, selector, text) {
  const place = row.querySelector(selector);
  if (text !== null && place.textContent !== text) place.textContent = text;
}

function show(row, program, now) {
  row.dataset.state = program.state;
  row.dataset.health = program.health;
  const status = row.querySelector(".status");
  status.className = `status ${CLASSES[program.state] ?? "statusnominal"}`;
  set(row, ".status", shown(program));
  set(row, ".description", describe(program));
  row.dataset.since = program.uptime_seconds === null ? "" : now - program.uptime_seconds * 1000;
  set(row, ".uptime", program.uptime_seconds === null ? "–" : span(program.uptime_seconds));
  set(row, ".cpu", cpu(program, now));
  set(row, ".memory", program.memory_bytes === null ? "–" : size(program.memory_bytes));
  set(row, ".restarts", String(program.restarts));
  set(row, ".exit span", program.last_exit ?? "–");
  row.querySelector(".exit").classList.toggle("never", program.last_exit === null);
  if (program.last_exit !== null && program.stopped_at !== null) {
    const when = new Date(program.stopped_at).toLocaleString();
    row.querySelector(".exit").title = `${when}: ${program.last_exit}`;
  }
  for (const button of row.querySelectorAll("[data-states]")) {
    button.hidden = !button.dataset.states.split(" ").includes(program.state);
  }
}

// Programs have come or gone: the server knows best how to show them.
async function reload() {
  const page = await (await fetch("index.html")).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("main");
  document.querySelector("main").replaceWith(document.adoptNode(fresh));
  findRows();
}

async function update() {
  const { programs } = await (await fetch("api/v1/programs")).json();
  const known = programs.length === rows.size && programs.every(({ name }) => rows.has(name));
  if (!known) await reload();
  const now = performance.now();
  for (const program of programs) {
    const row = rows.get(program.name);
    if (row) show(row, program, now);
  }
  const counts = COUNTED.map(([what, states]) => [
    programs.filter((program) => states.includes(shown(program))).length,
    what,
  ]);
  document.getElementById("summary").textContent = counts
    .filter(([count]) => count > 0)
    .map((parts) => parts.join(" "))
    .join(" · ");
}

// One update at a time; the next one shows changes during it.
function look() {
  if (!document.body.classList.contains("overview")) return;
  if (looking) {
    again = true;
    return;
  }
  looking = update()
    .catch(() => {})
    .finally(() => {
      looking = null;
      if (again) {
        again = false;
        look();
      }
    });
}

function follow() {
  const events = new EventSource("api/v1/events");
  for (const kind of ["state", "health", "group", "missed"]) events.addEventListener(kind, look);
  events.addEventListener("open", () => {
    document.body.dataset.live = "yes";
    if (message.textContent === LOST) say("", false);
    look();
  });
  events.addEventListener("error", () => {
    delete document.body.dataset.live;
    say(LOST, true);
    // The browser tries again by itself, unless what answered was no stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_AFTER);
  });
}

function overview() {
  findRows();
  follow();
  // A hidden page is not updated.
  setInterval(() => document.hidden || look(), USAGE_EVERY);
  setInterval(() => {
    if (document.hidden) return;
    for (const row of rows.values()) {
      if (row.dataset.since) set(row, ".uptime", span((performance.now() - row.dataset.since) / 1000));
    }
  }, 1000);
  document.addEventListener("visibilitychange", () => document.hidden || look());
}

// ---- One program

let renewing = false;

// Shows times in the reader's time zone.
function localize() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    // A line may break between date and time, and not within them.
    const parts = [moment.toLocaleDateString(), moment.toLocaleTimeString()];
    time.textContent = parts.map((part) => part.replace(/\s/g, "\u00a0")).join(" ");
  }
}

// The server renders the page; open sections stay open and the focus stays where it is.
async function renew() {
  if (!document.body.classList.contains("program") || renewing) return;
  renewing = true;
  try {
    const page = await (await fetch(location.href)).text();
    const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("main");
    const main = document.querySelector("main");
    for (const open of main.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector(`#${open.id}`);
      if (same) same.open = true;
    }
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const list = [...main.querySelectorAll("summary, button, pre")];
    const place = list.indexOf(focused);
    main.replaceWith(document.adoptNode(fresh));
    localize();
    if (place >= 0) fresh.querySelectorAll("summary, button, pre")[place]?.focus();
  } catch {
    say(LOST, true);
  } finally {
    renewing = false;
  }
}

function oneProgram() {
  localize();
  const events = new EventSource("api/v1/events");
  const mine = ({ data }) => {
    if (JSON.parse(data).name === document.querySelector("main").dataset.name) renew();
  };
  for (const kind of ["state", "health", "crash", "gave_up"]) events.addEventListener(kind, mine);
  events.addEventListener("missed", renew);
  events.addEventListener("open", () => {
    document.body.dataset.live = "yes";
    if (message.textContent === LOST) say("", false);
  });
  events.addEventListener("error", () => {
    delete document.body.dataset.live;
    say(LOST, true);
  });
  setInterval(() => document.hidden || renew(), USAGE_EVERY);
}

// ---- One log

function tail(log) {
  const live = document.getElementById("live");
  const state = live.firstChild;
  let end = log.dataset.end;
  const append = (text) => {
    const follow = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(text);
    while (log.textContent.length > LOG_LIMIT) log.firstChild.remove();
    if (follow) log.scrollTop = log.scrollHeight;
  };
  const connect = () => {
    const stream = new EventSource(`${log.dataset.stream}?from=${end}`);
    stream.addEventListener("open", () => {
      live.classList.add("live");
      state.textContent = "live · ";
    });
    stream.addEventListener("text", ({ data }) => {
      const piece = JSON.parse(data);
      end = piece.end;
      append(piece.text);
    });
    const anew = (words) => () => {
      end = 0;
      append(words);
    };
    stream.addEventListener("truncated", anew("==> File truncated <==\n"));
    stream.addEventListener("replaced", anew("==> New file <==\n"));
    // It would begin where this one began; we know where to go on.
    stream.addEventListener("error", () => {
      stream.close();
      live.classList.remove("live");
      state.textContent = "connection lost · ";
      setTimeout(connect, RETRY_AFTER);
    });
  };
  log.scrollTop = log.scrollHeight;
  connect();
}

const log = document.getElementById("log");
if (document.body.classList.contains("overview")) overview();
else if (document.body.classList.contains("program") && document.querySelector("main[data-name]")) oneProgram();
else if (log?.dataset.stream) tail(log);
