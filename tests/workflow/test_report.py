"""The report in a real browser: it renders, every picture and page loads, and nothing reaches for the network."""

import re
import shutil
import zipfile

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api",
    reason="playwright is not here; make test, or envs/requirements-dev.txt, installs it",
)

CATEGORIES = [
    "1 Question",
    "2 Data quality",
    "3 Held-out results",
    "4 Nulls",
    "5 Retained sets",
    "6 Heatmaps",
    "7 Known answer",
    "8 Methods",
    "9 Run",
]


@pytest.fixture(scope="module")
def browser():
    """A Chromium that can reach no host."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("Chromium is not here. As an administrator: sh envs/chromium.sh")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        chromium = driver.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=["zip", "html"])
def report(finished, browser, tmp_path_factory, request):
    """The report's page of the tiny study, unpacked where it is a zip, or as one file."""
    folder = tmp_path_factory.mktemp(request.param)
    path = folder / f"report.{request.param}"
    finished.snakemake("--report", str(path))
    if request.param == "zip":
        zipfile.ZipFile(path).extractall(folder)
        (path,) = folder.rglob("report.html")
    return path


@pytest.fixture
def opened(report, browser):
    """The opened report, and what its pages asked for and complained about; no complaint is the test's last word."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url[:200]}: {request.failure}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(report.as_uri())
    yield page
    page.close()
    outside = [url[:200] for url in asked if re.match(r"\w+:", url)[0] not in ("file:", "data:", "blob:")]
    assert not outside
    assert not [one for one in complaints if not one.startswith("Warning:")]  # of React, about itself


def test_every_result_is_seen_in_its_category(opened):
    results, categories = opened.evaluate("results"), opened.evaluate("categories")
    assert [one for one in CATEGORIES if one in categories] == sorted(categories)
    for category, subcategories in categories.items():
        (paths,) = subcategories.values()
        # Entries of one name hide each other, and with a second column the report may fold entries into a switch.
        assert all(list(results[path]["labels"]) == ["result"] for path in paths)
        named = {results[path]["labels"]["result"]: path for path in paths}
        assert len(named) == len(paths)
        opened.evaluate("app.setView({navbarMode: 'menu'})")
        opened.get_by_text(category).click()
        rows = opened.locator("nav tbody tr")
        playwright.expect(rows).to_have_count(len(paths))
        for row in rows.all():
            path = named.pop(row.inner_text().strip())
            check_shown(opened, row, results[path])
        assert not named


def check_shown(page, row, result):
    """Click on a result's eye: a picture has its size, a page its heading."""
    eye = row.locator("a").first
    kind = result["mime_type"]
    if kind.startswith("image/"):
        eye.click()
        picture = page.locator("#app .p-3 > img")
        picture.wait_for()
        assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 300
    elif kind == "text/html":
        eye.click()
        inside = page.frame_locator("#app iframe")
        assert inside.locator("h1").inner_text()
        broken = "all => all.filter(one => !one.complete || !one.naturalWidth).length"
        assert inside.locator("img").evaluate_all(broken) == 0
    else:
        assert eye.get_attribute("href") and eye.get_attribute("download") == result["name"]


def test_runtimes_of_all_rules_that_ran_are_shown(opened, finished):
    opened.evaluate("app.setView({content: 'stats'})")
    opened.locator("#runtimes canvas, #runtimes svg").first.wait_for()
    shown = {one["rule"] for one in opened.evaluate("runtimes_spec.data.values")}
    seconds = [one["runtime"] for one in opened.evaluate("runtimes_spec.data.values")]
    assert {"prune", "specificity", "summary", "methods", "figure_overview"} <= shown
    assert all(0 < one < 600 for one in seconds)
