"""What the pages of docs show is what the settings take."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from isoprune.config import load
from isoprune.config.betas import Betas

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BRAIN_DATA = (ROOT / "docs" / "brain-data.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link


def test_the_settings_shown_are_a_study_that_is_taken():
    blocks = [
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", BRAIN_DATA, flags=re.DOTALL)
    ]
    assert [list(block) for block in blocks] == [["betas"], ["targets"], ["roi"]]
    study = {"study": "mine", "stimuli": {"table": "stimuli.tsv"}, "subjects": ["01", "02"]}
    for block in blocks:
        study |= block
    loaded = load(study)
    assert [target.name for target in loaded.targets if target.region] == ["FFA", "fusiform", "lV1", "LO"]


def test_every_format_of_betas_is_listed():
    formats = get_args(Betas.model_fields["format"].annotation)
    assert set(re.findall(r"format: (\w+)", BRAIN_DATA.split("## 2")[0])) == set(formats)


def test_every_result_named_is_one_of_the_report():
    rules = (ROOT / "workflow" / "rules" / "quality.smk").read_text(encoding="utf-8")
    table = BRAIN_DATA.split("## 4")[1].split("## 5")[0]
    for name in re.findall(r"^\| \*([^*]+)\*", table, flags=re.MULTILINE):
        assert f'"result": "{name}' in rules, name
