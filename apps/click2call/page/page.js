"use strict";

const POLL_MS = 250;
const KEPT = "call";            // sessionStorage: the call that a reload of the page goes on showing
const FIELDS = ["caller", "callee"];
const OVER = new Set(["ended", "failed"]);
const SILENT = { error: "The server does not answer. The page keeps asking." };
const WORDS = {
  calling: (call) => (call.party === "callee" ? "Calling the callee" : "Calling the caller"),
  ringing: (call) => (call.party === "callee" ? "The callee's phone is ringing" : "The caller's phone is ringing"),
  answered: () => "Answered: the two are talking",
  ended: () => "The call has ended",
  failed: () => "The call failed",
};

const byId = (id) => document.getElementById(id);
let current = null;             // id of the call that is shown and not over
let shown = "";                 // what the status said last; only changes are announced
let answeredAt = null;

/* Speaking with the server */

async function ask(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const value = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { problem: value });
  return value;
}

async function poll() {
  const id = current;
  if (id === null) return;
  try {
    const call = await ask("GET", `/calls/${id}`);
    if (id !== current) return;
    showProblem(null);
    show(call);
  } catch (error) {
    if (id !== current) return;
    showProblem(error.problem || SILENT);
    if (error.problem) finish();          // the server does not know the call any more
  }
  if (current !== null) setTimeout(poll, POLL_MS);
}

/* Showing */

function show(call) {
  const over = OVER.has(call.state);
  const words = WORDS[call.state](call);
  const detail = [call.status, call.reason].filter(Boolean).join(" · ");
  byId("status").dataset.state = call.state;
  for (const field of FIELDS) showPhone(field, call);
  if (call.state === "answered" && answeredAt === null) answeredAt = Date.now();
  showClock();
  if (words + detail !== shown) {
    shown = words + detail;
    byId("state").textContent = words;
    byId("detail").textContent = detail;
    remember(words, detail, call.state);
  }
  if (over) finish();
  else setButtons(true);
}

function showPhone(field, call) {
  const phone = byId(`${field}-phone`);
  phone.querySelector(".name").textContent = call[field].replace(/^sips?:/, "").split("@")[0];
  phone.dataset.leg = legState(field, call);
}

/* The state of one phone. The caller is called first, so while it is the callee's turn the caller has answered. */
function legState(field, call) {
  if (call.state === "answered" || call.state === "ended") return call.state;
  if (call.party === field) return call.state;
  if (field === "callee") return "idle";
  return call.state === "failed" ? "ended" : "answered";
}

function showClock() {
  if (answeredAt === null) return;
  const seconds = Math.floor((Date.now() - answeredAt) / 1000);
  byId("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function remember(words, detail, state) {
  const now = new Date();
  const time = document.createElement("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour12: false });
  const line = document.createElement("li");
  line.dataset.state = state;
  line.append(time, detail ? `${words} (${detail})` : words);
  byId("history").append(line);
  byId("past").hidden = false;
}

function showProblem(problem) {
  let first = null;
  for (const field of FIELDS) {
    const wrong = problem !== null && problem.field === field;
    byId(`${field}-error`).textContent = wrong ? problem.error : "";
    if (wrong) byId(field).setAttribute("aria-invalid", "true");
    else byId(field).removeAttribute("aria-invalid");
    if (wrong && first === null) first = byId(field);
  }
  byId("form-error").textContent = problem !== null && first === null ? problem.error : "";
  if (first !== null) first.focus();
}

function setButtons(calling) {
  byId("call").disabled = calling;
  byId("hang-up").disabled = !calling || current === null;
}

/* Beginning and ending */

function begin(id) {
  current = id;
  sessionStorage.setItem(KEPT, id);
  byId("history").replaceChildren();
  byId("clock").textContent = "";
  shown = "";
  answeredAt = null;
}

function finish() {
  current = null;
  sessionStorage.removeItem(KEPT);
  setButtons(false);
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  showProblem(null);
  setButtons(true);
  try {
    const call = await ask("POST", "/calls", { caller: byId("caller").value, callee: byId("callee").value });
    begin(call.id);
    show(call);
    setTimeout(poll, POLL_MS);
  } catch (error) {
    setButtons(false);
    showProblem(error.problem || { error: "The server does not answer. Try again." });
  }
});

byId("hang-up").addEventListener("click", async () => {
  byId("hang-up").disabled = true;
  try {
    const call = await ask("DELETE", `/calls/${current}`);
    if (call !== null) show(call);
  } catch (error) {
    showProblem(error.problem || SILENT);
    setButtons(current !== null);
  }
});

ask("GET", "/config").then((config) => {
  for (const field of FIELDS) byId(field).value ||= config[field] || "";
}).catch(() => showProblem(SILENT));

if (sessionStorage.getItem(KEPT) !== null) {
  begin(sessionStorage.getItem(KEPT));
  poll();
}
