// Comfort. Every page reads and works without it; nothing here is needed to see anything.
const $ = (sel, root = document) => root.querySelector(sel);
const $$ = (sel, root = document) => [...root.querySelectorAll(sel)];
const YEAR = 365 * 86400;
const keep = (name, value) => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
};

// The server shows times in the browser's zone from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) keep("hearback_zone", zone);

function toast(words) {
  const box = $(".toasts");
  box.replaceChildren(Object.assign(document.createElement("p"), { className: "toast", textContent: words }));
  setTimeout(() => box.replaceChildren(), 4000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("This browser does not let pages copy; select the text instead");
  }
}

// Another state of the same page, without losing the place in the list.
let turn = 0;
async function show(url, push) {
  const mine = ++turn;
  let text;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected && new URL(answer.url).pathname !== new URL(url, location.href).pathname) throw 0;
    url = answer.url;
    text = await answer.text();
  } catch {
    location.href = url;
    return;
  }
  if (mine !== turn) return;
  const next = new DOMParser().parseFromString(text, "text/html");
  const page = $("#page", next);
  if (!page) { location.href = url; return; }
  // The focus goes back to where it was: a row, a tab, a chip.
  const top = scrollY, key = document.activeElement?.dataset.key;
  $("#page").replaceWith(page);
  document.title = next.title;
  if (push) history.pushState({}, "", url);
  scrollTo(0, top);
  if (key) $$("[data-key]").find((el) => el.dataset.key === key)?.focus({ preventScroll: true });
  begin();
}
addEventListener("popstate", () => show(location.href, false));

document.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  const soft = event.target.closest("a[data-soft]");
  if (soft) { event.preventDefault(); show(soft.href, true); return; }
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied.dataset.copy === "" ? location.href : copied.dataset.copy);
  if (event.target.closest("[data-theme-switch]")) {
    event.preventDefault();
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep("hearback_theme", root.dataset.theme);
  }
  if (event.target.closest("[data-pause]")) pause();
});

// Filters act at once; without a script there is a button.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-soft]");
  if (form && event.target.matches("select, [type=checkbox]")) filter(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-soft]");
  if (form) { event.preventDefault(); filter(form); }
});
function filter(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") query.append(name, value);
  const text = query.toString();
  show(form.getAttribute("action") + (text && `?${text}`), true);
}

// "12 new": asked for every two seconds while somebody looks.
let live, paused = false;
function begin() {
  clearInterval(live);
  const pill = $("[data-live]");
  mark();
  if (pill) live = setInterval(() => look(pill), 2000);
}
async function look(pill) {
  if (paused || document.hidden || !pill.isConnected) return;
  try {
    const answer = await fetch(pill.dataset.live, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { count, text } = await answer.json();
    pill.hidden = !count;
    $("[data-count]", pill).textContent = text;
  } catch { /* the next look may succeed */ }
}
function pause() { paused = !paused; mark(); }
function mark() {
  const button = $("[data-pause]");
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(!paused));
  const word = $(".live", button);
  word.textContent = paused ? "Paused" : "Live";
  word.dataset.status = paused ? "queued" : "ok";
}

// What is waited for: the page looks again by itself until it is there.
function wait() {
  const waiting = $("[data-wait]");
  if (waiting) setTimeout(() => document.hidden ? wait() : show(location.href, false).then(wait), 4000);
}

let leader = 0;
const places = { o: "/", e: "/events", m: "/messages", r: "/recipients", t: "/timelines", a: "/alerts", w: "/watchdog", u: "/suppressions", d: "/destinations", q: "/quarantine", s: "/sources", ",": "/settings" };
const keys = {
  "/": () => $(".search input")?.focus(),
  "?": () => $("#keys")?.togglePopover(),
  j: () => step(1),
  k: () => step(-1),
  "[": () => tab(-1),
  "]": () => tab(1),
  c: () => copy(location.href),
  ".": () => $("[data-pause]") && pause(),
  t: () => $("[data-clock]:not([aria-current])")?.click(),
  Escape: () => $("[data-close]")?.click(),
};
function step(by) {
  const rows = $$("[data-rows] a.row");
  const from = rows.indexOf(document.activeElement.closest("a.row") ?? rows.find((row) => row.hasAttribute("aria-current")));
  const next = rows[Math.max(0, Math.min(rows.length - 1, from + by))];
  if (!next) return;
  next.focus();
  // With the panel open, moving is looking.
  if ($("#detail") && next.dataset.soft !== undefined) show(next.href, true);
}
function tab(by) {
  const tabs = $$(".tabs a");
  tabs[(tabs.findIndex((a) => a.hasAttribute("aria-current")) + by + tabs.length) % tabs.length]?.click();
}
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "g") { leader = Date.now(); return; }
  if (Date.now() - leader < 1200 && places[event.key]) { location.href = places[event.key]; return; }
  if (event.key === "Escape" && $(":popover-open")) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});

document.documentElement.classList.add("js");
begin();
wait();
setTimeout(() => $(".toasts")?.replaceChildren(), 8000);
