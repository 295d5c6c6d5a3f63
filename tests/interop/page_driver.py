"""Drives the click-to-call page in Chromium and prints what it saw as one line of JSON.

A process of its own, because Playwright runs an event loop that must not meet gevent's patches.
Arguments: URL CHROMIUM FOLDER SCENARIO. Screenshots go to FOLDER.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

Seen = dict[str, object]
SECONDS = 1000


def state(page: Page, name: str, seconds: int = 15) -> None:
    page.locator(f"#status[data-state={name}]").wait_for(timeout=seconds * SECONDS)


def picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"click2call-{name}.png", full_page=True)


def history(page: Page) -> list[str]:
    return [str(line.get_attribute("data-state")) for line in page.locator("#history li").all()]


def texts(page: Page, *names: str) -> Seen:
    return {name: page.locator(f"#{name}").inner_text() for name in names}


def whole_call(page: Page, folder: Path) -> Seen:
    """Call from the keyboard; bob hangs up. The page is reloaded while the two talk."""
    page.wait_for_function("document.getElementById('callee').value !== ''")
    filled = [page.locator(f"#{name}").input_value() for name in ("caller", "callee")]
    picture(page, folder, "idle")
    page.locator("#caller").focus()
    page.keyboard.press("Enter")
    state(page, "ringing")
    during = page.locator("#call").is_disabled() and page.locator("#hang-up").is_enabled()
    picture(page, folder, "ringing")
    state(page, "answered")
    picture(page, folder, "answered")
    before = history(page)
    page.reload()
    state(page, "answered")
    state(page, "ended")
    picture(page, folder, "ended")
    after = page.locator("#call").is_enabled() and page.locator("#hang-up").is_disabled()
    return {
        "filled": filled, "buttons": [during, after], "before": before, "after": history(page),
        **texts(page, "state", "detail"),
    }  # fmt: skip


def hang_up(page: Page, folder: Path) -> Seen:
    """Hang up from the page while the callee's phone rings."""
    page.wait_for_function("document.getElementById('callee').value !== ''")
    page.locator("#call").click()
    page.get_by_text("The callee's phone is ringing", exact=True).first.wait_for(timeout=15 * SECONDS)
    page.locator("#hang-up").click()
    state(page, "ended")
    return {"history": history(page), **texts(page, "state", "detail")}


def refused(page: Page, folder: Path) -> Seen:
    """Send bad values, a target that is not allowed, an unknown phone, and too many calls."""
    page.wait_for_function("document.getElementById('callee').value !== ''")
    caller, callee = page.locator("#caller"), page.locator("#callee")
    good = callee.input_value()
    seen: Seen = {}
    callee.fill("nonsense")
    page.locator("#call").click()
    page.locator("#callee[aria-invalid=true]").wait_for()
    seen["bad"] = page.locator("#callee-error").inner_text()
    seen["focus"] = page.evaluate("document.activeElement.id")
    picture(page, folder, "refused")
    callee.fill(good)
    caller.fill("sip:somebody@10.1.2.3")
    page.locator("#call").click()
    page.locator("#caller[aria-invalid=true]").wait_for()
    seen["forbidden"] = [page.locator(f"#{field}-error").inner_text() for field in ("caller", "callee")]
    caller.fill(good.replace("bob", "nobody"))
    for _ in range(30):
        page.locator("#call").click()
        page.locator("#call:enabled").wait_for()
        if page.locator("#form-error").inner_text():
            break
        state(page, "failed")
        seen.setdefault("failed", texts(page, "state", "detail"))
    picture(page, folder, "failed")
    seen["too_many"] = page.locator("#form-error").inner_text()
    return seen


def structure(page: Page, folder: Path) -> Seen:
    """Look at what assistive technology sees, on a narrow dark screen."""
    page.set_viewport_size({"width": 320, "height": 800})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_function("document.getElementById('callee').value !== ''")
    seen: Seen = {
        "labels": [page.get_by_label(name, exact=True).count() for name in ("Caller", "Callee")],
        "live": page.locator("[role=status][aria-live=polite]").count(),
        "headings": page.get_by_role("heading", level=1).all_inner_texts(),
        "overflow": page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
        "inline": page.evaluate("document.querySelectorAll('style, [style], script:not([src]), [onclick]').length"),
    }
    picture(page, folder, "narrow-dark")
    return seen


SCENARIOS: dict[str, Callable[[Page, Path], Seen]] = {
    function.__name__: function for function in (whole_call, hang_up, refused, structure)
}


def drive(browser: Browser, url: str, folder: Path, scenario: str) -> Seen:
    page = browser.new_page(viewport={"width": 900, "height": 900}, locale="en-GB")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(url)
    return {**SCENARIOS[scenario](page, folder), "complaints": complaints}


if __name__ == "__main__":
    url, chromium, folder, scenario = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print(json.dumps(drive(browser, url, Path(folder), scenario)))
        browser.close()
