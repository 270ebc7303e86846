"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_library_example_prints_what_the_readme_says():
    code, printed = re.search(
        r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", README, flags=re.DOTALL
    ).groups()
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == printed


def test_the_two_commands_come_first():
    before_commands = README.split("make demo")[0]
    assert "![" in before_commands  # one sentence, one picture, then the commands
    assert "## " not in before_commands
    assert "make test" in README.split("## ")[0]


def test_every_link_leads_to_a_file():
    root = Path(__file__).parents[2]
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / link).exists(), link
