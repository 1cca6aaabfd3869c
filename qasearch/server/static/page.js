// Answers as you type. Everything here also works without it: the form and the links are plain.

const WAIT_MS = 180; // after the last letter, before a search
const WAIT_COMPLETION_MS = 60;

const form = document.querySelector("#search");
const box = document.querySelector("#q");
const list = document.querySelector("#completions");

/** A task of which only the latest run counts: an earlier one is given up, its reply dropped. */
class Latest {
  #controller = new AbortController();
  #timer = 0;

  /** Run `task(signal)` after `wait` milliseconds, unless another run is asked for before. */
  run(wait, task) {
    this.stop();
    const { signal } = (this.#controller = new AbortController());
    this.#timer = setTimeout(() => task(signal).catch((error) => {
      if (!signal.aborted) throw error;
    }), wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

// ---- results ---------------------------------------------------------------------------------

const search = new Latest();

/** The address of what the form asks, without what was left empty. */
function asked() {
  const pairs = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
  const query = new URLSearchParams(pairs).toString();
  return query ? `/?${query}` : "/";
}

/** Show what is at `url`. `entry` is what becomes of the browser's history: push, replace, keep. */
function show(url, { wait = 0, entry = "push" } = {}) {
  search.run(wait, async (signal) => {
    document.body.setAttribute("aria-busy", "true");
    try {
      const reply = await fetch(url, { headers: { Accept: "text/html" }, signal });
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (signal.aborted) return;
      put(page);
      if (entry === "push") history.pushState({}, "", url);
      if (entry === "replace") history.replaceState({ typing: true }, "", url);
    } catch (error) {
      if (signal.aborted) return;
      document.querySelector("#status").textContent = "The server cannot be reached.";
    } finally {
      if (!signal.aborted) document.body.removeAttribute("aria-busy");
    }
  });
}

/** Take over what another page says, but for the box, in which somebody may be typing. */
function put(page) {
  const open = document.querySelector(".dates")?.open;
  document.title = page.title;
  document.body.className = page.body.className;
  for (const id of ["status", "page"]) {
    const fresh = [...page.getElementById(id).childNodes].map((node) => document.adoptNode(node));
    document.getElementById(id).replaceChildren(...fresh);
  }
  if (open) document.querySelector(".dates")?.setAttribute("open", "");
  reachable();
}

/** What can be scrolled can be scrolled with the keyboard. */
function reachable() {
  for (const part of document.querySelectorAll("pre, .wide, .formula, .subjects")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
}

/** Typing is one entry of the history, whatever number of searches it takes. */
function typed() {
  const entry = history.state?.typing ? "replace" : "push";
  search.run(WAIT_MS, async () => {
    if (entry === "push") history.pushState({ typing: true }, "", asked());
    show(asked(), { entry: "replace" });
  });
}

/** What was typed is what was meant. */
function settle() {
  close();
  complete.stop();
  show(asked(), { entry: "push" });
}

const live = ["found", "empty"].some((kind) => document.body.classList.contains(kind));

if (form && live) {
  box.addEventListener("input", typed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    settle();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".dates input")) show(asked());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#page a");
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !plain || link.origin !== location.origin || link.pathname !== "/") return;
    event.preventDefault();
    box.value = new URL(link.href).searchParams.get("q") ?? "";
    show(link.href);
    if (link.closest(".pages")) scrollTo(0, 0);
  });
  addEventListener("popstate", () => {
    box.value = new URL(location).searchParams.get("q") ?? "";
    close();
    show(location.href, { entry: "keep" });
  });
}

// ---- completion ------------------------------------------------------------------------------

const complete = new Latest();
let active = -1;

function choices() {
  return [...list.children];
}

function close() {
  list.hidden = true;
  active = -1;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}

function activate(index) {
  const options = choices();
  active = (index + options.length + 1) % (options.length + 1);
  // One step beyond the last is none: what was typed.
  if (active === options.length) active = -1;
  options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
  if (active < 0) box.removeAttribute("aria-activedescendant");
  else box.setAttribute("aria-activedescendant", options[active].id);
}

function choose(option) {
  box.value = option.textContent;
  if (live) settle();
  else form.submit();
}

async function offer(signal) {
  const typed = box.value.trim();
  if (!typed) return close();
  const reply = await fetch(`/api/complete?${new URLSearchParams({ q: typed, k: "6" })}`, { signal });
  const { questions } = reply.ok ? await reply.json() : { questions: [] };
  if (signal.aborted || document.activeElement !== box) return;
  const chosen = choices()[active]?.textContent;
  list.replaceChildren(...questions.filter(({ question }) => question !== typed).map(({ question }, i) => {
    const option = document.createElement("li");
    option.id = `completion-${i}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.textContent = question;
    return option;
  }));
  close();
  list.hidden = !list.children.length;
  box.setAttribute("aria-expanded", String(!list.hidden));
  const again = choices().findIndex((option) => option.textContent === chosen);
  if (again >= 0) activate(again);
}

if (form) {
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-controls": "completions", "aria-expanded": "false", "aria-autocomplete": "list",
  })) box.setAttribute(name, value);
  box.addEventListener("input", () => complete.run(WAIT_COMPLETION_MS, offer));
  box.addEventListener("blur", close);
  // On mousedown: a click would first take the focus away, and with it the list.
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("li");
    event.preventDefault();
    if (option) choose(option);
  });
}

// ---- keyboard --------------------------------------------------------------------------------

function results() {
  return [...document.querySelectorAll(".hit h2 a, .examples a")];
}

function inBox(event) {
  const options = choices();
  if (event.key === "Escape" && !list.hidden) {
    event.preventDefault(); // an open list is closed first, the text stays
    close();
  } else if (event.key === "Enter" && active >= 0) {
    event.preventDefault();
    choose(options[active]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!list.hidden) activate(active + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "ArrowDown") results()[0]?.focus();
  }
}

function onResult(event, at) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  (results()[at + step] ?? (step < 0 ? box : null))?.focus();
}

document.addEventListener("keydown", (event) => {
  if (!form || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === box) return inBox(event);
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "/" || event.key === "Escape") {
    event.preventDefault();
    box.focus();
    box.select();
    return;
  }
  const at = results().indexOf(event.target);
  if (at >= 0) onResult(event, at);
});

reachable();
