"""What the reader's browser remembers: read pages, the path, the cards; and what works without."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from press.source import cards

from tests.conftest import ROOT
from tests.site.conftest import wait_until

pytestmark = pytest.mark.browser

CHAPTER = "data/model.html"
DUE = "reference/cards-due.html"
KEY = "book-reader.1"
READY = "document.querySelector('.study-status').textContent.includes('today')"
FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("forbidden", "SecurityError"); } });"""


def memory(page) -> dict:
    return json.loads(page.evaluate(f"localStorage['{KEY}'] || '{{}}'"))


def remembering(**parts: object) -> str:
    """A script that gives a page this memory when it opens for the first time."""
    return f"localStorage['{KEY}'] ??= {json.dumps(json.dumps({'version': 1, **parts}))};"


def reading(site) -> dict:
    text = (site / "_static" / "reading.js").read_text(encoding="utf-8")
    return json.loads(text.partition("bookData.reading = ")[2].rstrip().rstrip(";"))


def state(due: datetime, reviewed: datetime) -> dict[str, float]:
    """A card that was learned, as the memory holds it; dates are in milliseconds."""
    dates = {"due": due.timestamp() * 1000, "last_review": reviewed.timestamp() * 1000}
    counts = {"scheduled_days": 5, "learning_steps": 0, "reps": 3, "lapses": 0, "state": 2}
    return {"stability": 5.0, "difficulty": 5.0, **counts, **dates}


def start(page, limit: str = "5") -> None:
    """Begin a session with so many new cards, by keyboard."""
    page.wait_for_function(READY)
    page.focus("input[name=limit]")
    page.keyboard.press("Control+A")
    page.keyboard.type(limit)
    page.keyboard.press("Enter")


def answer(page, key: str) -> None:
    """Show the answer of the card and rate it, by keyboard."""
    page.wait_for_selector(".study-body .study-button:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(".study-body .rating")
    page.keyboard.press(key)


def test_a_session_needs_no_mouse_and_a_missed_card_comes_back_in_it(host, open_page):
    page = open_page(f"{host.url}/{DUE}")
    start(page)
    counter = "document.querySelector('.study-left').innerText"
    said = [
        "0 of 5 cards seen",
        *(f"{seen} of 5 cards seen; 1 will come back" for seen in range(1, 6)),
    ]
    for key, words in zip("144444", said, strict=True):  # each answer moves the counter
        wait_until(page, f"{counter} === {json.dumps(words)}")
        answer(page, key)
    page.wait_for_selector(".study-session", state="hidden")
    assert page.inner_text(".study-status").startswith("6 cards rated.")
    assert page.evaluate("document.activeElement.textContent") == "Start"
    assert len(memory(page)["cards"]) == 5
    page.reload()
    page.wait_for_function(READY)
    status = page.inner_text(".study-status")
    assert "The next is due on" in status
    assert "reached your daily limit" in status
    assert page.console == []


def test_a_new_card_that_comes_back_is_counted_after_a_reload(host, open_page):
    """What the page says of cards that come back is what it does."""
    page = open_page(f"{host.url}/{DUE}")
    page.clock.set_fixed_time("2026-03-09T12:00:00")
    page.reload()
    assert "A new or missed card comes back in the same session" in page.inner_text("article")
    start(page)
    answer(page, "3")  # Good: ten minutes
    wait_until(page, "document.querySelector('.study-left').innerText.includes('1 will come back')")
    page.reload()
    page.wait_for_function("document.querySelector('.study-status').textContent.includes('due')")
    status = page.inner_text(".study-status")
    assert status.startswith("1 card is due. 4 new cards can be learned today")


def test_a_session_works_in_a_folder(site, open_page):
    page = open_page((site / DUE).as_uri())
    start(page)
    answer(page, "3")
    page.wait_for_selector(".rating-undo")
    assert page.console == []


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2026-03-09T00:30:00+13:00", "1 card is due."),
        ("2026-03-08T23:30:00+13:00", "The next is due on Monday, March 9."),
    ],
)
def test_a_card_is_due_on_the_day_of_the_reader(host, open_page, now, status):
    due = datetime.fromisoformat("2026-03-09T22:00:00+13:00")
    page = open_page("about:blank", timezone_id="Pacific/Auckland")
    page.clock.set_fixed_time(now)
    page.add_init_script(remembering(cards={"metrics-ndcg": state(due, due - timedelta(days=5))}))
    page.goto(f"{host.url}/{DUE}")
    page.wait_for_function(READY)
    assert status in page.inner_text(".study-status")


def test_a_clock_that_is_set_back_loses_nothing(host, open_page):
    reviewed = datetime(2026, 3, 9, 9, tzinfo=UTC)
    page = open_page("about:blank")
    page.clock.set_fixed_time(reviewed - timedelta(days=30))
    remembered = state(reviewed, reviewed)
    page.add_init_script(remembering(cards={"metrics-ndcg": remembered}))
    page.goto(f"{host.url}/learning/metrics.html")
    page.locator("#card-metrics-ndcg summary").press("Enter")
    page.wait_for_selector("#card-metrics-ndcg .rating")
    page.keyboard.press("3")
    after = memory(page)["cards"]["metrics-ndcg"]
    assert after["last_review"] == remembered["last_review"]
    assert after["due"] > remembered["due"]
    assert after["stability"] >= remembered["stability"]


def test_the_choices_narrow_a_session(host, open_page):
    page = open_page(f"{host.url}/{DUE}")
    page.wait_for_function(READY)
    page.select_option("select[name=level]", "expert")
    page.select_option("select[name=type]", "math")
    page.focus(".study-form button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".study-body .card-level")
    assert page.inner_text(".study-body .card-level").startswith("expert · math")


def test_a_card_is_rated_under_its_answer_and_the_rating_is_undone(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    summary = page.locator("details.flashcard summary").first
    summary.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rating")
    waits = page.locator(".rating-button").all_inner_texts()
    assert [wait.split()[0] for wait in waits] == ["Again", "Hard", "Good", "Easy"]
    page.keyboard.press("4")
    assert "the card is due again on" in page.inner_text(".rated")
    assert len(memory(page)["cards"]) == 1
    page.locator(".rating-undo").focus()
    page.keyboard.press("Enter")
    assert memory(page)["cards"] == {}
    assert page.locator(".rating").is_visible()


def test_a_read_page_is_marked_in_the_contents_until_it_is_undone(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    page.locator(".read-button").press("Enter")
    page.reload()
    assert page.locator(".read-button").get_attribute("aria-pressed") == "true"
    link = page.locator(".contents a[aria-current=page]")
    assert "(read)" in link.text_content()
    assert page.locator(".read-count").text_content().startswith("1 of ")
    page.goto(f"{host.url}/index.html")
    assert page.locator('.path input[data-page="data/model"]').first.is_checked()
    page.goto(f"{host.url}/{CHAPTER}")
    page.locator(".read-button").press("Enter")
    assert page.locator(".read-mark, .read-count").count() == 0


def test_next_and_previous_follow_the_chosen_path(host, site, open_page):
    data = reading(site)
    order = list(data["minutes"])
    path, at = next(
        (path, at)
        for path in data["paths"]
        if "section" not in path
        for at, slug in enumerate(path["pages"][1:-1], 1)
        if order[order.index(slug) + 1] != path["pages"][at + 1]
    )
    page = open_page(f"{host.url}/{path['pages'][at]}.html", prepare=remembering(path=path["key"]))
    page.wait_for_selector(".path-order")
    assert page.locator(".next span").inner_text() == f"Next on the path {path['name']}"
    assert (
        page.locator(".next")
        .evaluate("link => link.href")
        .endswith(f"/{path['pages'][at + 1]}.html")
    )
    assert (
        page.locator(".prev")
        .evaluate("link => link.href")
        .endswith(f"/{path['pages'][at - 1]}.html")
    )
    assert f"page {at + 1} of {len(path['pages'])}" in page.inner_text(".path-left")
    page.locator(".path-leave").press("Enter")
    page.wait_for_function("!document.querySelector('.path-order')")
    following = order[order.index(path["pages"][at]) + 1]
    assert page.locator(".next").evaluate("link => link.href").endswith(f"/{following}.html")


def test_the_interview_path_opens_pages_at_their_cards(host, site, open_page):
    path = next(path for path in reading(site)["paths"] if path["key"] == "interview")
    assert path["section"] == "check-yourself"
    page = open_page(f"{host.url}/{path['pages'][3]}.html", prepare=remembering(path="interview"))
    page.wait_for_selector(".path-order")
    target = page.locator(".next").evaluate("link => link.href")
    assert target.endswith(f"/{path['pages'][4]}.html#check-yourself")
    assert "cards are left" in page.inner_text(".path-left")


def test_the_interview_path_says_what_it_is_where_it_is_chosen(parsed):
    index = parsed("index.html")
    (card,) = index.xpath("//ul[@class='path-cards']/li[@data-path='interview']")
    assert "opens at its cards" in card.text_content()
    assert "cards on" in card.text_content()
    links = index.xpath("//section[@data-path='interview']//li//a/@href")
    assert len(links) >= 37
    assert all(link.endswith("#check-yourself") for link in links)


@pytest.mark.parametrize("way", ["click", "Enter"])
def test_the_card_of_a_path_chooses_it(host, open_page, way):
    """All of the card, by pointer and by keyboard; then the pages of the path are in view."""
    page = open_page(f"{host.url}/index.html", height=800)
    card = page.locator(".path-cards li").nth(1)
    if way == "click":
        card.locator(".path-size").scroll_into_view_if_needed()
        box = card.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 8, box["y"] + box["height"] - 8)
    else:
        card.locator("a").press("Enter")
    assert memory(page)["path"] == "classical"
    assert card.locator("a").get_attribute("aria-current") == "true"
    shown = page.locator(".path:not([hidden])")
    assert shown.get_attribute("data-path") == "classical"
    assert page.locator(".path-bar button[aria-pressed=true]").count() == 1
    page.wait_for_timeout(300)
    for part in (shown.locator("h3"), page.locator(".path-bar")):
        assert 56 <= part.bounding_box()["y"] <= 400, "below the bar, in the upper half"
    assert page.console == []


def test_the_card_of_a_path_is_a_link_without_scripts(host, open_page):
    page = open_page(f"{host.url}/index.html", java_script_enabled=False)
    page.locator(".path-cards a").nth(2).click()
    assert page.url.endswith("#path-interview")
    assert page.locator("#path-interview").bounding_box()["y"] < 400


def test_the_next_page_is_not_named_twice(host, site, open_page):
    """Also where the path leads to the cards of that page."""
    data = reading(site)
    order = list(data["minutes"])
    path = next(path for path in data["paths"] if path["key"] == "interview")
    at = next(
        at
        for at, slug in enumerate(path["pages"][:-1])
        if order[order.index(slug) + 1] == path["pages"][at + 1]
    )
    page = open_page(f"{host.url}/{path['pages'][at]}.html", prepare=remembering(path="interview"))
    page.wait_for_selector(".path-order")
    assert "order of the book:" not in page.inner_text(".path-order")
    assert page.locator(".path-leave").is_visible()


def test_the_landing_page_leads_back_to_where_the_reader_stopped(host, open_page):
    place = {"page": "data/model", "title": "Models", "section": "traps", "heading": "Traps"}
    page = open_page(f"{host.url}/index.html", prepare=remembering(stopped=place))
    link = page.locator(".continue a")
    assert link.inner_text() == "Models › Traps"
    assert link.get_attribute("href").endswith("/data/model.html#traps")


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"read": 7, "cards": {"a": {}}, "path": 3}'])
def test_a_damaged_memory_costs_nothing_else(host, open_page, text):
    damage = f"localStorage['{KEY}'] ??= {json.dumps(text)}; localStorage.mode = 'dark';"
    page = open_page(f"{host.url}/{CHAPTER}", prepare=damage)
    page.locator(".read-button").press("Enter")
    assert list(memory(page)["read"]) == ["data/model"]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.console == []


def test_one_damaged_card_costs_only_itself(host, open_page):
    good = dict.fromkeys(
        ("due", "stability", "difficulty", "scheduled_days", "learning_steps", "reps", "lapses"), 1
    )
    parts = {"a": {**good, "state": 2, "last_review": 1}, "b": {**good, "state": 9}}
    page = open_page(f"{host.url}/{CHAPTER}", prepare=remembering(cards=parts))
    page.locator(".read-button").press("Enter")
    assert list(memory(page)["cards"]) == ["a"]


def test_without_storage_a_session_runs_and_says_that_nothing_is_remembered(host, open_page):
    page = open_page(f"{host.url}/{DUE}", prepare=FORBIDDEN)
    page.wait_for_function(READY)
    assert "your progress is lost" in page.inner_text(".study-status")
    start(page)
    answer(page, "4")
    page.wait_for_selector(".rating-undo")
    assert page.console == []


def test_a_memory_moves_to_another_browser_as_a_file(host, open_page, tmp_path):
    page = open_page(f"{host.url}/{DUE}", prepare=remembering(read={"data/model": "2026-01-31"}))
    page.wait_for_function(READY)
    with page.expect_download() as download:
        page.locator(".memory-export").press("Enter")
    file = tmp_path / "memory.json"
    download.value.save_as(file)
    other = open_page(f"{host.url}/{DUE}", prepare=remembering(path="interview"))
    other.wait_for_function(READY)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"version": 2}')
    other.set_input_files(".memory input", wrong)
    other.wait_for_function("() => document.querySelector('.memory-status').textContent")
    assert "nothing was changed" in other.inner_text(".memory-status")
    other.set_input_files(".memory input", file)
    other.wait_for_function("() => document.querySelector('.memory-status').textContent[0] == 'I'")
    moved = memory(other)
    assert moved["read"] == {"data/model": "2026-01-31"}
    assert moved["path"] == "interview"


def test_without_scripts_every_card_is_listed_and_leads_to_its_answer(site, parsed):
    listed = [link.get("href") for link in parsed(DUE).find_class("card-link")]
    bank = cards.bank(ROOT / "book")
    wanted = {f"../{page}.html#card-{card.id}" for page, group in bank.items() for card in group}
    assert set(listed) == wanted
    assert len(listed) == len(wanted)
    for page in bank:
        boxes = parsed(f"{page}.html").find_class("flashcard")
        assert {f"../{page}.html#{box.get('id')}" for box in boxes} <= wanted
    assert len(parsed(DUE).xpath("//noscript")) == 1


def test_the_page_of_cards_offers_them_to_anki(site, parsed):
    links = [
        link.get("href")
        for link in parsed(DUE).iter("a")
        if "_static" in link.get("href", "") and link.get("download") is not None
    ]
    assert links == ["../_static/cards.apkg", "../_static/cards.tsv"]
    for link in links:
        assert (site / "reference" / link).stat().st_size > 10_000
