"""The documentation site: Markdown in this folder, the commands and the API from the code itself.

pip install -c constraints.txt -e '.[docs]'
sphinx-build -W --keep-going docs build/site && python docs/links.py build/site
"""

import re
from importlib import metadata

project = "moelab"
author = "The moelab authors"
copyright = "2026, the moelab authors"
release = version = metadata.version("moelab")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "tutorials/my_course"]
smartquotes = False  # two dashes are an option
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a page that is included starts below the first level

default_role = "code"  # in docstrings, `x` is code
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "moelab"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["tables.css"]

linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]  # made by a script in the browser


def plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain English with `code`: |a - b| and *.py mark nothing up."""
    lines[:] = ["".join(map(_escaped, re.split(r"(`[^`]*`)", line))) for line in lines]


def _escaped(part):
    return (
        part if part.startswith("`") else re.sub(r"(?<!\\)([*|])|(?<=\w)(_)(?!\w)", r"\\\1\2", part)
    )


def setup(app):
    """Let Sphinx know the functions above."""
    app.connect("autodoc-process-docstring", plain_text)
