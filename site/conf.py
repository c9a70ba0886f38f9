"""Settings of the site. `site/stage.py` copies this file to the pages, where Sphinx reads it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # terms.py

project = "cmgsd-lite"
author = "cmgsd-lite contributors"
language = "en"
root_doc = "index"
extensions = ["myst_nb", "sphinx.ext.mathjax", "terms"]
exclude_patterns = ["_static", "_templates"]

nb_execution_mode = "off"  # outputs are those that are stored
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 6
nitpicky = True

html_theme = "furo"
html_title = "cmgsd-lite"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#01588a", "color-brand-content": "#01588a"},
    "dark_css_variables": {"color-brand-primary": "#5ab4e8", "color-brand-content": "#5ab4e8"},
}
templates_path = ["_templates"]

mathjax_path = "mathjax/tex-svg.js"
# The menu would load more of MathJax, which is not here; formulas keep MathML for screen readers.
mathjax3_config = {"options": {"enableMenu": False}}
