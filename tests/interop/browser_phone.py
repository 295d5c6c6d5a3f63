"""A phone in a page of Chromium: registers over a WebSocket of the browser, answers one call, waits for its end.

A process of its own, because Playwright runs an event loop that must not meet gevent's patches.
Arguments: URL-OF-THE-WEBSOCKET SIP-ADDRESS CHROMIUM. Prints ``registered``, then the methods that it saw
as one line of JSON.
"""

import json
import sys

from playwright.sync_api import sync_playwright

PHONE = r"""
async ([url, server]) => {
  const seen = [], host = "b7xk2.invalid", contact = `<sip:browser@${host};transport=ws>`;
  const socket = new WebSocket(url, "sip");
  const header = (text, name) => text.split("\r\n").filter(line => line.toLowerCase().startsWith(name + ":"));
  const reply = (text, status, more, body) => {
    const copied = ["via", "from", "call-id", "cseq"].flatMap(name => header(text, name));
    const to = header(text, "to")[0];
    socket.send([`SIP/2.0 ${status}`, ...copied, to.includes("tag=") ? to : to + ";tag=browser", ...more,
                 `Content-Length: ${body.length}`, "", body].join("\r\n"));
  };
  const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
  return await new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    socket.onclose = () => reject(new Error("the WebSocket was closed"));
    socket.onopen = () => socket.send([
      `REGISTER sip:${server} SIP/2.0`, `Via: SIP/2.0/WS ${host};branch=z9hG4bKreg1`, "Max-Forwards: 70",
      `From: <sip:browser@${server}>;tag=reg`, `To: <sip:browser@${server}>`, `Call-ID: reg@${host}`,
      "CSeq: 1 REGISTER", `Contact: ${contact}`, "Expires: 60", "Content-Length: 0", "", ""].join("\r\n"));
    socket.onmessage = async event => {
      const text = typeof event.data === "string" ? event.data : await event.data.text();
      const [first, second] = text.split(" ");
      seen.push(first === "SIP/2.0" ? second : first);
      if (text.startsWith("SIP/2.0 200")) console.log("registered");
      if (first === "INVITE") {
        reply(text, "180 Ringing", [`Contact: ${contact}`], "");
        reply(text, "200 OK", [`Contact: ${contact}`, "Content-Type: application/sdp"], sdp);
      }
      if (first === "BYE") { reply(text, "200 OK", [], ""); resolve(seen); }
    };
  });
}
"""


def main(socket_url: str, server: str, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: print(message.text, flush=True))
        print(json.dumps(page.evaluate(PHONE, [socket_url, server])), flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
