"""How Sphinx builds the guide: `sphinx-build -W examples/guide OUT`, offline, every cell run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from plugnet import __version__

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from extensions.plugins import use_the_clones_plugins  # noqa: E402

# A small network is fastest on one thread, and so its numbers are the same on every build.
os.environ.update(
    dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
)
use_the_clones_plugins()

project = "plugnet"
author = "The plugnet authors"
copyright = "the plugnet authors"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "extensions.formula",
    "extensions.source_pages",
    "extensions.mathjax_files",
    "extensions.reference",
    "extensions.house",
]
exclude_patterns = ["extensions", "jupyter_execute", "**/.ipynb_checkpoints"]

nb_execution_mode = "force"
nb_execution_timeout = 60
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "error"
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {
    "options": {"enableMenu": False},  # the menu would fetch files that the site does not have
    "tex": {"packages": {"[-]": ["autoload", "require"]}},
}

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

smartquotes = False  # h' is no quotation

html_theme = "furo"
html_title = "plugnet"
html_static_path = ["static"]
html_css_files = ["guide.css"]
html_js_files = ["guide.js"]
html_favicon = "static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
