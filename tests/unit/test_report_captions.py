"""Every entry of the report says what is seen, how it was made and how to read it, and stands in a known category."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CAPTIONS = sorted(path for path in (ROOT / "workflow" / "report").glob("*.rst") if path.stem != "study")
RULES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").glob("*.smk"))
ENTRIES = [found[1] for found in re.finditer(r"report\(\n(.*?)\n *\),\n", RULES, flags=re.DOTALL)]


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
    block = re.search(r"CATEGORY = \{\n(.*?)\n\}", RULES, flags=re.DOTALL)[1]
    titles = re.findall(r'"(\d [^"]+)"', block)
    assert [title[0] for title in titles] == [str(number + 1) for number in range(len(titles))]
    front = (ROOT / "workflow" / "report" / "study.rst").read_text(encoding="utf-8")
    named = re.findall(r"^(\d)\. \*([^*]+)\*", front, flags=re.MULTILINE)
    assert [f"{number} {title}" for number, title in named] == titles


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_a_file_that_is_not_in_the_report_is_said_to_lie_in_the_results_folder(path):
    words = " ".join(path.read_text(encoding="utf-8").split())
    for described in re.findall(r"Columns are described [^.]*``[^`]*json``[^.]*\.", words):
        assert "in the results folder" in described
