"""Builds README, settings and the pages of this folder to a site: `make docs`."""

import re

project = "isoprune"
author = copyright = "The isoprune developers"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_extra_path = ["site"]

# The root of the project is the source, so that links between its folders hold in the site as they do in the project.
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "config/README.md", "docs/*.md"]
exclude_patterns = [".*", "build", "results", "src", "tests"]
myst_heading_anchors = 4


def navigation_from_links(app, docname: str, source: list[str]) -> None:
    """The site's navigation is what the index links, section by section; a page that it forgets is an error."""
    if docname != root_doc:
        return
    text = source[0]
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        pages = dict.fromkeys(re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", section))
        entries = "\n".join(page.removesuffix(".md") for page in pages)
        caption = section.partition("\n")[0]
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n"


def setup(app) -> None:
    """Let the index be read first."""
    app.connect("source-read", navigation_from_links)
