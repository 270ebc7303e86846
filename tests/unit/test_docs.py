"""What the pages of docs/ show is what happens."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from isoprune.cli import main
from workflow_study import make_study

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)


def test_commands_about_preregistration_print_what_the_page_says(tmp_path, monkeypatch, capsys):
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    (settings,) = blocks("preregistration.md", "yaml")
    Path("study.yaml").write_text(settings)
    shown = blocks("preregistration.md", "console")
    assert len(shown) == 3
    for block in shown:
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = step.partition("\n")
            program, *words = shlex.split(command)
            if program == "isoprune":
                main(words)
            else:
                subprocess.run([program, *words], check=True)
            printed = capsys.readouterr()
            assert printed.out + printed.err == expected


def test_code_about_retained_sets_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "retained-sets.md").read_text(encoding="utf-8")
    names: dict = {}
    steps = re.findall(r"```python\n(.*?)```(?:\n\nprints\n\n```\n(.*?)```)?", text, flags=re.DOTALL)
    assert len(steps) == 4
    for code, expected in steps:
        exec(code, names)
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
