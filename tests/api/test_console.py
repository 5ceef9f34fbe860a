"""The console page in a real Chromium, on a real server."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

from api.app import create_app
from api.config import ApiConfig
from api.state import ServingState
from tests.shops import TrainedShop

pytestmark = pytest.mark.browser

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WATCH = """
window.violations = [];
document.addEventListener(
  'securitypolicyviolation', e => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
_FAULTS = """[
  ...[...document.querySelectorAll('li')].filter(line => !line.parentElement.matches(
    ':is(ul, ol):not([role]), [role=listbox]')).map(line => `no list around: ${line.textContent}`),
  ...[...document.querySelectorAll('body *')].filter(part => part.scrollHeight > part.clientHeight + 1
    && /auto|scroll/.test(getComputedStyle(part).overflowY) && part.tabIndex < 0
    && !part.querySelector('[tabindex="0"]')).map(part => `not scrolled by keys: #${part.id}`),
  ...[...document.querySelectorAll('button')].filter(button => !button.hidden && !button.textContent
    && !button.ariaLabel).map(button => `no name: ${button.outerHTML}`),
  ...(document.documentElement.scrollWidth > innerWidth ? ['wider than the page'] : []),
]"""
"""What a reader by ear or by keys would miss."""


@dataclass
class Console:
    """An open page, the API behind it, and what the browser complained of."""

    page: Page
    client: TestClient
    base: str
    complaints: list[str] = field(default_factory=list)

    def settle(self) -> None:
        self.page.wait_for_selector("body:not([aria-busy])")  # the policy forbids to wait by an expression

    def order(self) -> list[str]:
        rows = self.page.locator("#items > li[data-item-id]")
        return [str(row.get_attribute("data-item-id")) for row in rows.all()]

    def choose(self, user_id: str) -> None:
        self.page.locator(f'#people [data-user-id="{user_id}"]').click()
        self.page.wait_for_selector(f'#people [data-user-id="{user_id}"][aria-selected="true"]')
        self.settle()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        assert os.environ.get("CI") != "true", "the full checks need Chromium"
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def console(browser: Browser, serving: ServingState, client: TestClient) -> Iterator[Console]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(create_app(serving, ApiConfig()), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US")
        console = Console(page, client, base)
        page.add_init_script(_WATCH)
        _listen(console)
        page.goto(f"{base}/console/")
        page.wait_for_selector("#items > li[data-item-id]")
        console.settle()
        yield console
        violations = page.evaluate("window.violations")
        page.close()
        server.should_exit = True
        thread.join(timeout=20)
        # Holds for every test: no dialog, no error, no request to elsewhere, nothing the policy forbids.
        assert (console.complaints, violations) == ([], [])


def _listen(console: Console) -> None:
    """Note every dialog, script error, error message and request that leaves the server."""

    def on_dialog(dialog: Dialog) -> None:
        console.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            console.complaints.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"{console.base}/", "data:")):
            console.complaints.append(f"left the machine: {request.url}")

    console.page.on("dialog", on_dialog)
    console.page.on("pageerror", lambda error: console.complaints.append(f"error: {error}"))
    console.page.on("console", on_message)
    console.page.on("request", on_request)


def test_bars_are_as_wide_as_the_apis_parts(console: Console) -> None:
    console.choose("alice")
    items = console.client.get("/v1/users/alice/recommendations?n=10").json()["items"]
    widest = max(sum(abs(value) for value in item["score_parts"].values()) for item in items)
    assert console.order() == [item["item_id"] for item in items]
    for row, item in zip(console.page.locator("#items > li").all(), items, strict=True):
        track = row.locator(".bars").bounding_box()
        assert track is not None
        shown = {
            str(bar.get_attribute("data-part")): (bar.bounding_box() or {"width": 0})["width"]
            for bar in row.locator(".bar").all()
        }
        assert shown.keys() == {part for part, value in item["score_parts"].items() if value}
        for part, width in shown.items():
            assert width == pytest.approx(abs(item["score_parts"][part]) / widest * track["width"], abs=1.0)


def test_a_click_on_bought_this_gives_the_apis_new_list_and_says_what_moved(console: Console) -> None:
    console.choose("alice")
    before = console.order()
    console.page.locator("#items > li .bought").first.click()
    console.page.wait_for_selector("#moves:not([hidden])")
    console.settle()
    after = [
        item["item_id"] for item in console.client.get("/v1/users/alice/recommendations?n=10").json()["items"]
    ]
    assert console.order() == after != before
    assert before[0] not in after
    assert console.page.locator("#moves li").count() > 0
    bought = console.client.get("/v1/users/alice").json()["history"][0]
    assert (bought["item_id"], bought["event"]) == (before[0], "purchase")
    assert console.page.evaluate("document.activeElement.id") == "moves-title"


def test_a_dialogue_has_chips_that_the_list_follows(console: Console) -> None:
    page = console.page
    console.choose("alice")

    def say(words: str) -> None:
        page.locator("#said").fill(words)
        page.keyboard.press("Enter")
        page.wait_for_selector(f'#turns .mine:has-text("{words}")')
        console.settle()

    def chips() -> list[str]:
        return [str(text) for text in page.locator("#chips .chip bdi").all_text_contents()]

    say("red running shoes under 200")
    assert {"category: Running Shoes", "attribute: red", "up to 200"} <= set(chips())
    before = console.order()
    say("cheaper")
    assert any(chip.startswith("below ") for chip in chips())
    assert console.order() != before
    page.locator('[aria-label="Remove attribute: red"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_selector('[aria-label="Remove attribute: red"]', state="detached")
    console.settle()
    assert page.evaluate("document.activeElement.id") == "said"
    page.locator('[aria-label="Change up to 200"]').click()
    page.wait_for_selector('[aria-label="Remove up to 200"]', state="detached")
    console.settle()
    assert page.locator("#said").input_value() == "up to 200"
    page.locator(".thumb").last.click()
    page.wait_for_selector('.thumb[aria-pressed="true"]')
    page.locator("#t-anew").click()
    page.wait_for_selector("#chips .chip", state="detached")
    console.settle()
    say("<img src=x onerror=alert(1)>")
    assert page.locator("main img, #talk img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_long_dialogue_is_in_reach_of_the_keyboard_and_well_formed(
    console: Console, scheme: Literal["light", "dark"]
) -> None:
    page = console.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1000, "height": 900})
    console.choose("alice")
    page.locator("#said").focus()
    for words in ("running shoes", "red", "under 200"):
        page.keyboard.type(words)
        page.keyboard.press("Enter")
        page.wait_for_selector(f'#turns .mine:has-text("{words}")')
        console.settle()
        assert page.evaluate("document.activeElement.id") == "said"
    assert page.evaluate(_FAULTS) == []
    page.keyboard.press("Shift+Tab")
    assert page.locator(":focus").get_attribute("aria-label") == "This did not help"


def test_hostile_titles_are_only_text(console: Console, trained_shop: TrainedShop) -> None:
    hostile = trained_shop.facts.hostile_user_id
    console.choose(hostile)
    name = console.client.get(f"/v1/users/{quote(hostile, safe='')}").json()["name"]
    assert "<b>" in name
    assert console.page.locator("#list-title").inner_text() == f"For {name}"
    console.choose("alice")
    words = "Oddment & Sons"  # the brand of the items with hostile titles
    console.page.locator("#words").fill(words)
    console.page.locator("#t-go").click()
    console.page.wait_for_selector("#understood:not([hidden])")
    console.settle()
    listed = console.client.get(f"/v1/search?n=10&user_id=alice&q={quote(words)}").json()["items"]
    assert {item["item_id"] for item in listed} <= set(trained_shop.facts.hostile_item_ids)
    assert any("<script" in item["title"] for item in listed)
    titles = [title.text_content() for title in console.page.locator("#items > li .title").all()]
    assert titles == [item["title"] for item in listed]
    for title in console.page.locator("#items > li .title").all():
        title.click()
        console.settle()
    assert console.page.locator("main script, main img").count() == 0


def test_a_shopper_is_chosen_and_served_by_keyboard_alone(console: Console) -> None:
    page = console.page

    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus-visible").count():
                outline = page.locator(":focus").evaluate("element => getComputedStyle(element).outlineStyle")
                assert outline == "solid"
                return
        raise AssertionError(f"the tab key does not reach {selector}")

    tab_to("#people [role=option]")
    page.keyboard.press("ArrowDown")
    assert page.locator(":focus").get_attribute("data-user-id") == "bo"
    page.keyboard.press("Enter")
    page.wait_for_selector('#people [data-user-id="bo"][aria-selected="true"]')
    console.settle()
    before = console.order()
    tab_to("#items .title")
    tab_to("#items .title")
    page.keyboard.press("Space")
    page.wait_for_selector('#items > li:nth-child(2)[aria-current="true"]')
    console.settle()
    tab_to("#items .bought")
    page.keyboard.press("Enter")
    page.wait_for_selector("#moves:not([hidden])")
    console.settle()
    assert page.locator("#status").inner_text()
    assert before[1] not in console.order()


def test_paths_are_drawn_and_shares_sum_to_the_score(console: Console) -> None:
    console.choose("alice")
    assert console.page.locator("#graph canvas").count() > 0
    label = console.page.locator("#graph").get_attribute("aria-label")
    assert label
    score = float(console.page.locator("#shares tfoot tr").last.locator("td").first.inner_text())
    assert score == pytest.approx(
        console.client.get("/v1/users/alice/recommendations").json()["items"][0]["score"], abs=0.01
    )


def test_chinese_names_and_reasons_are_a_choice_away(console: Console) -> None:
    console.choose("chen")
    console.page.locator("#language").select_option("zh")
    console.page.wait_for_selector("html[lang=zh]")
    console.settle()
    shown = console.client.get("/v1/users/chen/recommendations?n=10&language=zh").json()["items"]
    titles = [title.inner_text() for title in console.page.locator("#items > li .title").all()]
    assert titles[0] == shown[0]["title"]
    assert any("\u4e00" <= character <= "\u9fff" for character in "".join(titles))


def test_an_error_of_the_api_is_shown_and_goes_with_the_next_answer(console: Console) -> None:
    alert = console.page.locator("#problem")
    refusal = {"detail": "the store is away", "status": 503}
    console.page.route("**/v1/events", lambda route: route.fulfill(status=503, json=refusal))
    console.page.locator("#items > li .bought").first.click()
    console.page.wait_for_selector("#problem:not([hidden])")
    assert alert.inner_text() == "the store is away"
    assert alert.get_attribute("role") == "alert"
    console.choose("bo")
    assert alert.is_hidden()
    console.complaints.clear()  # the browser's own note of the 503


def test_a_list_that_failed_leaves_no_buttons_of_another_shopper(console: Console) -> None:
    console.page.route("**/v1/users/bo/recommendations*", lambda route: route.abort())
    console.choose("bo")
    assert "does not answer" in console.page.locator("#problem").inner_text()
    assert console.order() == []
    console.complaints.clear()  # the browser's own note of the broken connection


def test_the_api_page_lists_its_routes_under_the_same_policy(console: Console) -> None:
    console.page.goto(f"{console.base}/docs")
    console.page.wait_for_selector(".opblock")
    assert console.page.locator(".opblock").count() >= 12
    console.page.locator(".opblock-summary-control").first.click()
    console.page.wait_for_selector(".opblock-body .parameters")
