"""What the pages of docs/ show is what happens, and what the settings take."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import get_args

import nibabel
import numpy as np
import pytest
import yaml

from isoprune.cli import main
from isoprune.config import load
from isoprune.config.betas import Betas
from isoprune.errors import MissingFileError
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.wordnet import load_wordnet
from isoprune.judgments import read_judgments
from workflow_study import make_study

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BEHAVIOUR = (DOCS / "behaviour.md").read_text(encoding="utf-8")
BRAIN_DATA = (DOCS / "brain-data.md").read_text(encoding="utf-8")


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)


def test_commands_about_preregistration_print_what_the_page_says(tmp_path, monkeypatch, capsys):
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    (settings,) = blocks("preregistration.md", "yaml")
    Path("study.yaml").write_text(settings)
    assert follow("preregistration.md", capsys) == 3


def follow(page, capsys, only=slice(None)) -> int:
    """Do what some of a page's console blocks do, and check that they print what the page says; their number."""
    shown = blocks(page, "console")[only]
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
    return len(shown)


def test_check_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    (settings, _) = blocks("check-and-init.md", "yaml")
    Path("study.yaml").write_text(settings)
    assert follow("check-and-init.md", capsys, slice(0, 2)) == 2


def test_init_prints_and_writes_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # without weights that were downloaded before
    for number, (category, name) in enumerate([(kind, i) for kind in ("face", "house") for i in range(8)]):
        picture = tmp_path / "data" / "pictures" / category / f"{category}_{name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.touch()
        for subject in ("01", "02"):
            own = tmp_path / "data" / "derivatives" / f"sub-{subject}"
            own.mkdir(parents=True, exist_ok=True)
            for stat in ("effect", "t"):
                save_image(own / f"sub-{subject}_contrast-{category}{name}_stat-{stat}_statmap.nii.gz")
            if number == 0:
                save_image(own / f"sub-{subject}_contrast-fixation_stat-effect_statmap.nii.gz")
                save_image(own / f"sub-{subject}_roi-FFA_mask.nii.gz")
    assert follow("check-and-init.md", capsys, slice(2, None)) == 1
    assert blocks("check-and-init.md", "yaml")[1] in Path("mine/study.yaml").read_text()


def save_image(path):
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), dtype=np.uint8), np.eye(4)), path)


def test_code_about_retained_sets_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "retained-sets.md").read_text(encoding="utf-8")
    names: dict = {}
    steps = re.findall(r"```python\n(.*?)```(?:\n\nprints\n\n```\n(.*?)```)?", text, flags=re.DOTALL)
    assert len(steps) == 4
    for code, expected in steps:
        exec(code, names)
        assert capsys.readouterr().out == expected


def test_code_about_wordnet_prints_what_the_page_says(capsys):
    text = (DOCS / "wordnet.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", text, flags=re.DOTALL)
    try:
        load_wordnet()
    except MissingFileError as problem:
        pytest.skip(str(problem))
    exec(code, {})
    assert capsys.readouterr().out == printed


def test_code_about_behaviour_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ((code, printed),) = re.findall(
        r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", BEHAVIOUR, flags=re.DOTALL
    )
    exec(code, {})
    assert capsys.readouterr().out == printed


def test_tables_of_behaviour_are_read_as_their_settings_say(tmp_path):
    study = {"study": "mine", "stimuli": {"table": "stimuli.tsv"}, "subjects": ["ann", "bob"]}
    entries = [yaml.safe_load(block)["targets"] for block in blocks("behaviour.md", "yaml")]
    matrix, _, rated, chosen = (load({**study, "targets": entry}).targets[0] for entry in entries)
    table = tmp_path / "table.tsv"
    for last, read in (
        ("plum", lambda: read_ready_rdms(table, target="fruit", similarity=matrix.rdms.similarity)),
        ("rating", lambda: read_judgments(table, ["apple", "pear", "plum"], rated.judgments)),
        ("odd", lambda: read_judgments(table, ["apple", "pear", "plum", "fig"], chosen.judgments)),
    ):
        (shown,) = re.findall(rf"^(\| .* {last} \|\n)\|[-|]+\n((?:\| .* \|\n)+)", BEHAVIOUR, re.MULTILINE)
        rows = [line.strip("|").split("|") for line in "".join(shown).splitlines()]
        table.write_text("\n".join("\t".join(cell.strip() for cell in row) for row in rows) + "\n")
        read()


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
        assert re.search(f'"result": "(Figure|Table): {name}', rules), name
