"use strict";

const POLL_MS = 250;
const OVER = new Set(["ended", "failed"]);
const WORDS = {
  calling: (call) => `Calling the ${call.party || "phone"}`,
  ringing: (call) => `The ${call.party || "phone"}'s phone is ringing`,
  answered: () => "Answered: both are connected",
  ended: () => "The call has ended",
  failed: () => "The call failed",
};

const $ = (id) => document.getElementById(id);
let current = null;
let shown = "";

function show(call) {
  const words = WORDS[call.state](call);
  const detail = call.status ? `${call.status}: ${call.reason}` : call.reason || "";
  $("status").dataset.state = call.state;
  $("call").disabled = !OVER.has(call.state);
  $("hang-up").disabled = OVER.has(call.state);
  if (words + detail === shown) return;
  shown = words + detail;
  $("state").textContent = words;
  $("detail").textContent = detail;
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()}  ${words}${detail ? ` (${detail})` : ""}`;
  $("history").append(line);
}

function showErrors(problem) {
  for (const field of ["caller", "callee"]) {
    const wrong = problem !== null && problem.field === field;
    $(`${field}-error`).textContent = wrong ? problem.error : "";
    $(field).setAttribute("aria-invalid", String(wrong));
  }
  const elsewhere = problem !== null && !["caller", "callee"].includes(problem.field);
  $("form-error").textContent = elsewhere ? problem.error : "";
}

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { problem: value });
  return value;
}

async function poll() {
  if (current === null) return;
  try {
    const call = await ask("GET", `/calls/${current}`);
    show(call);
    if (OVER.has(call.state)) current = null;
  } catch (error) {
    showErrors(error.problem || { error: "The server does not answer." });
    if (error.problem) current = null;
  }
  if (current !== null) setTimeout(poll, POLL_MS);
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  showErrors(null);
  $("call").disabled = true;
  try {
    const call = await ask("POST", "/calls", { caller: $("caller").value, callee: $("callee").value });
    $("history").replaceChildren();
    shown = "";
    current = call.id;
    show(call);
    setTimeout(poll, POLL_MS);
  } catch (error) {
    $("call").disabled = false;
    showErrors(error.problem || { error: "The server does not answer." });
  }
});

$("hang-up").addEventListener("click", async () => {
  if (current === null) return;
  try {
    show(await ask("DELETE", `/calls/${current}`));
  } catch (error) {
    showErrors(error.problem || { error: "The server does not answer." });
  }
});

ask("GET", "/config").then((config) => {
  for (const field of ["caller", "callee"]) $(field).value ||= config[field];
});
