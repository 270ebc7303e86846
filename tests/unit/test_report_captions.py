"""Every entry of the report says what is seen, how it was made and how to read it, and stands in a known category."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment
from snakemake.report import Category

ROOT = Path(__file__).parents[2]
CAPTIONS = sorted(path for path in (ROOT / "workflow" / "report").glob("*.rst") if path.stem != "study")
RULES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").glob("*.smk"))
ENTRIES = [
    found[1] for found in re.finditer(r"(?:report|compared_sets)\(\n(.*?)\n *\),\n", RULES, flags=re.DOTALL)
]

TITLES = re.findall(r'"(\d [^"]+)"', re.search(r"CATEGORY = \{\n(.*?)\n\}", RULES, flags=re.DOTALL)[1])


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_caption_says_what_is_seen_how_it_was_made_and_how_to_read_it(path):
    words = " ".join(path.read_text(encoding="utf-8").split())
    seen, made, read = (words.find(part) for part in ("**", "*How it was made:*", "*How to read it:*"))
    assert 0 == seen < made < read
    assert f"report/{path.name}" in RULES


def test_every_entry_has_category_caption_and_one_label_that_begins_with_what_it_is():
    assert len(ENTRIES) > 50
    for entry in ENTRIES:
        assert re.search(r'category=CATEGORY\["\w+"\]', entry), entry
        assert "caption=" in entry
        # With a second label, the report folds entries into a switch where half of them have either value.
        assert re.search(r'labels=\{"result": f?"(At a glance|Figure|Page|Table): \S', entry), entry


def test_categories_are_numbered_in_the_order_of_the_argument():
    assert [title[0] for title in TITLES] == [str(number + 1) for number in range(len(TITLES))]
    front = (ROOT / "workflow" / "report" / "study.rst").read_text(encoding="utf-8")
    named = re.findall(r"^(\d)\. \*([^*]+)\*", front, flags=re.MULTILINE)
    assert [f"{number} {title}" for number, title in named] == TITLES


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_a_file_that_is_not_in_the_report_is_said_to_lie_in_the_results_folder(path):
    words = " ".join(path.read_text(encoding="utf-8").split())
    for described in re.findall(r"Columns are described [^.]*``[^`]*json``[^.]*\.", words):
        assert "in the results folder" in described


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.stem
)
def test_a_category_that_a_page_names_is_one_of_the_report(path):
    words = " ".join(path.read_text(encoding="utf-8").split())
    named = re.findall(r"category \*([^*]+)\*|\*(\d [A-Z][^*]+)\*", words)
    assert {one or other for one, other in named} <= set(TITLES)


def front_page(titles):
    """The report's first page as Snakemake renders it of the categories that a report has; a warning is an error."""
    source = (ROOT / "workflow" / "report" / "study.rst").read_text(encoding="utf-8")
    environment = Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701  # as Snakemake's own
    categories = {Category(title): {} for title in titles}
    study = SimpleNamespace(config={"study": "tiny"})
    text = environment.from_string(source).render(snakemake=study, categories=categories)
    return publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2})["html_body"]


def test_the_front_page_lists_the_categories_that_the_report_has_and_no_other():
    for titles in (TITLES, ["2 Data quality"], [one for one in TITLES if one[0] not in "67"]):
        page = front_page(titles)
        items = re.findall(r"<li><p[^>]*><em>([^<]+)</em>|<li><em>([^<]+)</em>", page)
        assert [a or b for a, b in items] == [title[2:] for title in titles]
        numbers = re.findall(r'<ol class="[^"]*"(?: start="(\d)")?>', page)
        assert numbers[0] == ("" if titles[0][0] == "1" else titles[0][0])


def test_the_front_page_of_data_quality_alone_promises_no_pruned_set():
    alone, whole = front_page(["2 Data quality"]), front_page(TITLES)
    assert "took no part in the selection" in whole and "Isomorphism" in whole
    assert "took no part in the selection" not in alone and "Isomorphism" not in alone
    assert all("Statistics</em>, above the categories" in page for page in (alone, whole))
