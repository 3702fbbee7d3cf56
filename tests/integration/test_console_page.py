"""The page in a real browser, over a daemon that runs: what an operator sees, does, and is not harmed by."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.house import House, free_port

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install -e '.[test-browser]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt-get install chromium"),
]

HANDLERS = """
import json

def echo(event, context):
    print("saw", json.dumps(event, ensure_ascii=False))
    return event

def broken(event, context):
    raise ValueError(event.get("why", "always"))
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{http}", aws: off, console: "127.0.0.1:{console}"}}
buckets: {{inbox: ./inbox}}
queues: {{jobs: {{}}}}
functions:
  echo:
    code: ./code
    handler: app.echo
    environment: {{SECRET: of-the-function}}
    triggers:
      - s3: {{bucket: inbox, suffix: .csv}}
      - http: POST /echo
      - schedule: rate(1 hour)
  broken: {{code: ./code, handler: app.broken, maximum_retry_attempts: 0}}
"""
HOSTILE = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


class Site:
    """A daemon, and where its console is."""

    def __init__(self, house: House, console: int, http: int) -> None:
        self.house, self.url, self.http = house, f"http://127.0.0.1:{console}", f"http://127.0.0.1:{http}"
        self.token = (house.state / "console.token").read_text().strip()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """One call with the token; its JSON."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api{path}", data, sent, method=method), timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def queue(self, function: str, event: object) -> None:
        """Accept an Event."""
        self.call("POST", f"/functions/{function}/invocations", event, x_amz_invocation_type="Event")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("page")
    (directory / "code").mkdir()
    (directory / "code/app.py").write_text(HANDLERS)
    http, console = free_port(), free_port()
    with House(directory, CONFIG.format(http=http, console=console)) as house:
        house.up()
        yield Site(house, console, http)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """Signed in; what the browser complained of is a failure, but for answers that refuse something."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown, wrong = context.new_page(), []
    shown.set_default_timeout(20_000)
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "Failed to load" not in said.text else None)
    shown.goto(f"{site.url}/#token={site.token}")
    shown.wait_for_selector(".tiles")
    yield shown
    title = shown.title()
    context.close()
    assert wrong == []
    assert "owned" not in title


def go(page: Any, where: str) -> None:
    page.evaluate(f"location.hash = {json.dumps('#/' + where)}")


def until(page: Any, expression: str, seconds: float = 20.0) -> None:
    """Wait for *expression* from here: the page's own rules allow no evaluation by it."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def test_without_the_token_there_is_nothing_but_the_question_for_it(browser: Any, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/#/functions/echo/configuration")
    page.fill("input[name=token]", "erc_wrong")
    page.click("text=Sign in")
    page.wait_for_selector("text=the token is not that of this daemon")
    assert "echo" not in page.content()
    page.fill("input[name=token]", site.token)
    page.click("text=Sign in")
    page.wait_for_selector("text=CodeSha256")  # what the address named from the beginning
    assert context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == []
    context.close()


def test_the_address_with_the_token_loses_it_at_once_and_another_tab_borrows_it(page: Any, site: Site) -> None:
    assert site.token not in page.url
    other = page.context.new_page()
    other.goto(f"{site.url}/#/health")
    other.wait_for_selector("text=What was looked at")
    other.click("text=Sign out")
    other.close()


def test_a_function_is_tested_and_its_result_and_log_are_shown(page: Any) -> None:
    go(page, "functions/echo/test")
    page.select_option("select[name='event type']", "s3-put")
    until(page, "document.querySelector('textarea').value.includes('ObjectCreated:Put')")
    page.click("button:text-is('Invoke')")
    page.wait_for_selector("h2:has-text('Succeeded')")
    result, log = page.locator(".code pre").all_inner_texts()
    assert json.loads(result)["Records"][0]["eventName"] == "ObjectCreated:Put"
    assert "START RequestId:" in log
    assert "REPORT RequestId:" in log


def test_a_failure_is_shown_as_one(page: Any) -> None:
    go(page, "functions/broken/test")
    page.fill("textarea", json.dumps({"why": HOSTILE}))
    page.click("button:text-is('Invoke')")
    page.wait_for_selector("h2:has-text('Failed')")
    assert HOSTILE in page.locator(".code pre").first.inner_text()


def test_a_test_is_kept_and_found_again(page: Any) -> None:
    go(page, "functions/echo/test")
    page.fill("textarea", '{"kept": 1}')
    page.fill("input[aria-label='name of this test']", "mine")
    page.click("text=Keep")
    page.reload()
    page.select_option("select[name='saved test']", "mine")
    assert page.input_value("textarea") == '{"kept": 1}'


def test_what_is_logged_appears_by_itself_and_is_text(page: Any, site: Site) -> None:
    go(page, "logs?function=echo")
    page.wait_for_selector("ol.log")
    site.queue("echo", {"told": HOSTILE, "name": "grün"})
    page.wait_for_selector("li:has-text('grün')", timeout=5_000)
    assert HOSTILE in page.locator("li:has-text('grün')").last.inner_text().replace('\\"', '"')
    page.fill("input[type=search]", "report requestid")
    assert all("REPORT" in text for text in page.locator("ol.log li:visible").all_inner_texts())


def test_an_event_has_a_history_and_is_replayed(page: Any, site: Site) -> None:
    (site.house.directory / "inbox/ein bild.csv").write_text("a,b\n")
    assert site.house.until(lambda: [row["state"] for row in site.call("GET", "/events?source=s3:inbox")] == ["succeeded"], 20)
    go(page, "events?source=s3:inbox")
    page.click("td >> text=echo")
    page.wait_for_selector("h2:has-text('Attempts')")
    assert "ein+bild.csv" in page.locator(".code pre").first.inner_text()
    before = page.url
    page.click("button:text-is('Replay')")
    until(page, f"location.href !== {json.dumps(before)}")
    page.wait_for_selector("h2:has-text('Attempts')")
    assert len(site.call("GET", "/events?source=s3:inbox")) == 2


def test_a_dead_letter_is_counted_and_tried_again_when_that_was_meant(page: Any, site: Site) -> None:
    site.queue("broken", {"why": HOSTILE})
    assert site.house.until(lambda: len(site.call("GET", "/dlq")) == 1, 20)
    page.wait_for_selector("nav .count")
    go(page, "dead-letters")
    page.wait_for_selector("td:has-text('onerror')")
    page.click("button:text-is('Redrive')")
    page.click("dialog >> text=Cancel")
    assert len(site.call("GET", "/dlq")) == 1
    page.click("button:text-is('Redrive')")
    page.click("dialog >> text=Redrive")
    page.wait_for_selector(".toast:has-text('1 are tried again')")
    assert site.house.until(lambda: [row["attempts"] for row in site.call("GET", "/dlq")] == [2], 20)
    page.reload()
    page.wait_for_selector("td:has-text('onerror')")
    page.click("button:text-is('Purge')")
    page.click("dialog >> text=Purge")
    page.wait_for_selector("text=No dead letters.")
    assert site.call("GET", "/dlq") == []


def test_an_event_by_hand_says_who_would_take_it_and_then_is_taken(page: Any, site: Site) -> None:
    go(page, "send")
    page.wait_for_selector("text=no trigger watches bucket uploads")
    page.fill("input[name=bucket]", "inbox")
    page.fill("input[name=key]", "x.txt")
    page.wait_for_selector("text=no trigger of bucket inbox wants")
    page.fill("input[name=key]", "by-hand.csv")
    page.wait_for_selector("td:has-text('event, prefix and suffix match')")
    page.click("button:text-is('Send')")
    page.wait_for_selector("h2:has-text('Sent')")
    assert page.locator("td .badge").all_inner_texts() == ["queued"]


def test_a_schedule_is_run_and_a_source_is_seen(page: Any, site: Site) -> None:
    go(page, "sources")
    page.wait_for_selector("td:has-text('s3:inbox')")
    page.click("text=Run now")
    page.wait_for_selector(".toast:has-text('fired')")
    assert site.house.until(lambda: any(row["source"].startswith("schedule:") for row in site.call("GET", "/events")), 20)


def test_every_page_shows_and_no_secret_is_on_it(page: Any) -> None:
    for where in (
        "",
        "functions",
        "functions/echo/configuration",
        "functions/echo/monitor",
        "functions/echo/logs",
        "events",
        "sources",
        "health",
    ):
        go(page, where)
        page.wait_for_timeout(300)
        assert page.locator("h1").count() == 1, where
        assert page.locator(".problem").all_inner_texts() == [], where
        assert "of-the-function" not in page.content()


def test_figures_follow_what_happens(page: Any, site: Site) -> None:
    go(page, "functions/echo/monitor")
    count = "Number(document.querySelector('.tile .value').textContent.replaceAll(',', ''))"
    until(page, f"{count} >= 0")
    before = page.evaluate(count)
    for _ in range(5):
        site.queue("echo", {})
    until(page, f"{count} >= {before + 5}")


def test_the_daemon_that_is_gone_is_said_to_be_and_comes_back(page: Any, site: Site) -> None:
    site.house.kill()
    page.wait_for_selector("text=the daemon does not answer")
    site.house.up()
    page.wait_for_selector("text=the daemon does not answer", state="detached")
    go(page, "health")
    page.wait_for_selector("text=What was looked at")


def test_metrics_are_read_as_prometheus_would(page: Any) -> None:
    found = page.evaluate(
        """async () => {
          const { parse, sum, grown, quantile } = await import("/metrics.js");
          const [a, b] = [10, 30].map((n) => parse(`# HELP x X.\\nx{f="a\\\\"b,c=\\\\\\\\",o="ok"} ${n}\\nx{f="z",o="bad"} 1\\n`
            + `t_bucket{le="0.1"} ${n}\\nt_bucket{le="1"} ${2 * n}\\nt_bucket{le="+Inf"} ${2 * n + (n > 10 ? 1 : 0)}\\n`));
          return [sum(b, "x"), sum(b, "x", { f: 'a"b,c=\\\\' }), sum(b, "x", { o: (word) => word !== "ok" }), grown(a, b, "x"), grown(b, a, "x", { o: "ok" }),
            quantile(a, b, "t", 0.25), quantile(a, b, "t", 1), quantile(a, a, "t", 0.5), sum(b, "nothing")];
        }"""
    )
    assert found[:5] == [31, 30, 1, 20, 10]
    assert found[5] == pytest.approx(0.05125)
    assert found[6] == 1  # what is over all bounds is told as the largest of them
    assert found[7] != found[7] or found[7] is None
    assert found[8] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer erc_wrong"}, 401),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"host": "rebound.example"}, 421),
    ],
)
def test_other_programs_and_pages_are_refused(site: Site, headers: dict[str, str], status: int) -> None:
    right = {"authorization": f"Bearer {site.token}"} if "authorization" not in headers and headers else {}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{site.url}/api/ps", headers={**right, **headers}), timeout=30)
    with refused.value as answer:
        assert answer.code == status


def test_a_page_of_a_function_cannot_read_the_console(browser: Any, site: Site) -> None:
    """Both are on one host: only the port differs."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.http}/nothing")
    told = page.evaluate(
        """async ([url, token]) => {
          const answers = [];
          for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
            answers.push(await fetch(`${url}/api/ps`, { headers }).then((answer) => answer.status, () => "blocked"));
          }
          return [answers, document.cookie, Object.keys(sessionStorage)];
        }""",
        [site.url, site.token],
    )
    context.close()
    assert told == [["blocked", "blocked"], "", []]


def test_a_stop_does_not_wait_for_those_who_watch(site: Site) -> None:
    request = urllib.request.Request(f"{site.url}/api/logs/tail", headers={"authorization": f"Bearer {site.token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.readline().startswith(b":")
        began = time.monotonic()
        assert site.house.stop(20) == 0
        assert time.monotonic() - began < 5
        assert answer.read().replace(b"\n", b"") in (b"", b": nothing")
    site.house.up()
