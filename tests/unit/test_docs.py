"""What the pages of docs/ show is what happens, and what the settings take."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import nibabel
import numpy as np
import pytest
import yaml

from isoprune import errors
from isoprune.cli import main
from isoprune.config import load
from isoprune.config.betas import Betas
from isoprune.errors import MissingFileError
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.wordnet import load_wordnet
from isoprune.judgments import read_judgments
from isoprune.methods.works import REFERENCES
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


def test_own_data_is_checked_as_the_page_says(tmp_path, monkeypatch, capsys, data_dir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOPRUNE_MIRROR", str(data_dir))
    study = tmp_path / "config" / "studies" / "mine.yaml"
    study.parent.mkdir(parents=True)
    study.write_text(blocks("own-data.md", "yaml")[0])
    assert follow("own-data.md", capsys) == 2


@pytest.mark.parametrize("page", ["own-data.md", "choosing-a-network.md"])
def test_networks_and_targets_shown_are_a_study_that_is_taken(page):
    study = {
        "study": "mine",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": ["01", "02"],
        "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}],
    }
    for block in blocks(page, "yaml"):
        assert load({**study, **yaml.safe_load(block)}).study


def test_code_about_layers_prints_what_the_page_says(capsys):
    text = (DOCS / "choosing-a-network.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", text, flags=re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == printed


def test_citation_is_that_of_the_package_and_of_the_methods_text():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    (paper,) = cited["references"]
    authors = " and ".join(f"{who['family-names']}, {who['given-names']}" for who in paper["authors"])
    pages = f"{paper['start']}--{paper['end']}"
    known = str(REFERENCES["tarigopula2023"])
    for part in (authors, paper["journal"], str(paper["year"]), str(paper["volume"]), pages):
        assert part in known, part


TROUBLES = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")


def test_messages_that_are_explained_are_those_of_the_code():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    explained = re.findall(r"^\| `(\w+Error)`: `([^`]+)`", TROUBLES, flags=re.MULTILINE)
    assert len(explained) > 15
    for kind, message in explained:
        assert issubclass(getattr(errors, kind), errors.IsopruneError)
        assert message in sources, message


def test_what_snakemake_says_is_in_its_words():
    import snakemake.exceptions
    import snakemake.jobs

    for kind in re.findall(r"^\| `(\w+Exception)`", TROUBLES, flags=re.MULTILINE):
        assert hasattr(snakemake.exceptions, kind), kind
    said = inspect.getsource(snakemake.jobs)
    reasons = TROUBLES.split("## Everything runs again")[1].split("\n## ")[0]
    for reason in re.findall(r"^\| `([^`]+)` \|", reasons, flags=re.MULTILINE):
        assert reason in said, reason


def test_the_index_links_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {page.name for page in PAGES} - {"index.md"}


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_the_network(tmp_path):
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(
            package, reason="make test, or envs/requirements-dev.txt, installs what builds the site"
        )
    # As `make docs` does.
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--quiet",
        "--fail-on-warning",
        "--keep-going",
        "--conf-dir",
        DOCS,
    ]
    built = subprocess.run(
        [*command, "--doctree-dir", tmp_path / "doctrees", ROOT, tmp_path / "site"],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page.read_text(encoding="utf-8"))
        assert not [tag for tag in tags if re.search(r"""(?:src|href)=["'](?:https?:)?//""", tag)], page


def broken_links(page: Path, text: str | None = None) -> list[str]:
    """Links of a page to no file, to no heading, or to the web without scheme and host."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text or page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(\s*([^)\s]*)[^)]*\)", prose) if not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    url = urlsplit(link)
    if url.scheme:
        return url.scheme in ("http", "https") and "." in url.netloc
    target = page.parent / url.path if url.path else page
    return bool(link) and target.exists() and (not url.fragment or url.fragment in anchors(target))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get: small letters, digits, `_` and `-` for spaces."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.+?) *$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES], ids=lambda page: page.name
)
def test_every_link_leads_somewhere(page):
    assert broken_links(page) == []


def test_broken_links_are_seen(tmp_path):
    page, there = tmp_path / "page.md", "[a](page.md#what-is-it) [b](#what-is-it) [c](https://example.org/x)"
    page.write_text("# What `is` it?\n\n```\n# Not a heading\n```\n", encoding="utf-8")
    broken = ["other.md", "#not-a-heading", "page.md#what", "https:/example.org", "ftp://example.org"]
    assert broken_links(page, there) == []
    assert broken_links(page, " ".join(f"[a]({link})" for link in broken)) == broken


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
