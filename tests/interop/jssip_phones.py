"""Phones made of JsSIP in one page of Chromium; prints what came of a scenario as one line of JSON.

A process of its own, because Playwright runs an event loop that must not meet gevent's patches.
Arguments: URL-OF-THE-WEBSOCKET SIP-ADDRESS CHROMIUM BUNDLE SCENARIO ARGUMENT. Scenarios: ``calls`` (alice calls bob,
both in the page, ARGUMENT times), ``messages`` (alice writes to the phone ARGUMENT and waits for what it writes back).
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

COMMON = r"""
const silence = () => new AudioContext().createMediaStreamDestination().stream;
const gathered = session => session.on("icecandidate", event => event.ready());
const phone = (user, url, server) => new Promise((resolve, reject) => {
  const ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@${server}`, register: true, register_expires: 300,
    session_timers: false,
  });
  ua.on("registered", () => resolve(ua));
  ua.on("registrationFailed", event => reject(new Error("not registered: " + event.cause)));
  ua.start();
});
"""
SCENARIOS = {
    "calls": r"""
async ([url, server, count]) => {
  const stream = silence(), seen = {confirmed: 0, answered: 0, ended: 0, failed: []};
  const [alice, bob] = [await phone("alice", url, server), await phone("bob", url, server)];
  let over = () => {};
  bob.on("newRTCSession", ({session, originator}) => {
    if (originator !== "remote") return;
    gathered(session);
    session.on("confirmed", () => seen.answered++);
    session.on("ended", () => over());
    session.on("failed", event => { seen.failed.push("bob: " + event.cause); over(); });
    session.answer({mediaStream: stream});
  });
  for (let number = 0; number < Number(count); number++) {
    const bobs = new Promise(resolve => { over = resolve; });
    await new Promise(resolve => {
      const session = alice.call(`sip:bob@${server}`, {mediaStream: stream});
      gathered(session);
      session.on("confirmed", () => { seen.confirmed++; setTimeout(() => session.terminate(), 20); });
      session.on("ended", () => { seen.ended++; resolve(); });
      session.on("failed", event => { seen.failed.push("alice: " + event.cause); resolve(); });
    });
    await Promise.race([bobs, new Promise(resolve => setTimeout(resolve, 5000))]);
  }
  return seen;
}
""",
    "messages": r"""
async ([url, server, other]) => {
  const alice = await phone("alice", url, server);
  const written = new Promise(resolve => alice.on("newMessage", ({originator, message, request}) => {
    if (originator !== "remote") return;
    resolve(request.body);
  }));
  const sent = await new Promise(resolve => alice.sendMessage(`sip:${other}@${server}`, "good morning", {
    eventHandlers: {succeeded: () => resolve("succeeded"), failed: event => resolve("failed: " + event.cause)},
  }));
  return {sent, written: await written};
}
""",
}


def main(url: str, server: str, chromium: str, bundle: str, scenario: str, argument: str) -> None:
    arguments = ["--no-sandbox", "--ignore-certificate-errors", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page()
        page.on("console", lambda message: print(message.text, file=sys.stderr, flush=True))
        page.add_script_tag(content=Path(bundle).read_text(encoding="utf-8"))
        page.add_script_tag(content=COMMON)
        page.set_default_timeout(0)
        print(json.dumps(page.evaluate(SCENARIOS[scenario], [url, server, argument])), flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
