"""The console page in a real Chromium, on a real server."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, sync_playwright

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
        page.on(
            "dialog", lambda dialog: (console.complaints.append(f"dialog {dialog.message}"), dialog.dismiss())
        )
        page.on("pageerror", lambda error: console.complaints.append(f"error {error}"))
        page.on(
            "console",
            lambda message: console.complaints.append(message.text) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((base, "data:"))
                else console.complaints.append(f"left the machine: {request.url}")
            ),
        )
        page.goto(f"{base}/console/")
        page.wait_for_selector("#items > li[data-item-id]")
        console.settle()
        yield console
        page.close()
        server.should_exit = True
        thread.join(timeout=20)


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
    assert console.complaints == []


def test_hostile_titles_are_only_text(console: Console, trained_shop: TrainedShop) -> None:
    console.choose(trained_shop.facts.hostile_user_id)
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
    assert console.page.evaluate("window.violations") == []
    assert console.complaints == []


def test_a_shopper_is_chosen_and_served_by_keyboard_alone(console: Console) -> None:
    page = console.page
    page.locator("#who").focus()
    page.keyboard.type("bo")
    page.wait_for_selector('#people [data-user-id="bo"]')
    console.settle()
    while page.evaluate("document.activeElement.dataset.userId ?? ''") != "bo":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector('#people [data-user-id="bo"][aria-selected="true"]')
    console.settle()
    before = console.order()
    page.locator("#items > li .bought").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#moves:not([hidden])")
    console.settle()
    assert before[0] not in console.order()


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


def test_an_error_of_the_api_is_shown(console: Console) -> None:
    console.page.route("**/v1/events", lambda route: route.abort())
    console.page.locator("#items > li .bought").first.click()
    console.page.wait_for_selector("#problem:not([hidden])")
    assert console.page.locator("#problem").inner_text().strip()


def test_the_api_page_lists_its_routes_under_the_same_policy(console: Console) -> None:
    console.page.goto(f"{console.base}/docs")
    console.page.wait_for_selector(".opblock")
    assert console.page.locator(".opblock").count() >= 12
    assert console.page.evaluate("window.violations") == []
    assert [text for text in console.complaints if "Content Security Policy" in text] == []
