"""Sphinx configuration: ``python -m sphinx -W -b html docs docs/_build/html`` builds the pages.

Every build executes the pages that have a kernel in their header. A cell that fails or warns
fails the build. The build needs no network.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

import sphinx_autosummary_accessors as accessors

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "xresample"
author = "xresample developers"
copyright = author
version = release = version_of("xresample")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_autosummary_accessors",
    "sphinx_copybutton",
    "generated_tables",
    "native_math",
    "outside_links",
]
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates", accessors.templates_path]

# References that are not found are errors, together with the option -W.
nitpicky = True
default_role = "py:obj"
highlight_language = "none"  # A block without a language is plain text.
smartquotes = False  # Users copy the values of options, which have plain quotes.

# Pages with a kernel are executed.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_output_stderr = "warn"
nb_merge_streams = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The API pages are generated from the docstrings.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # The docstrings describe the types in the terms of users.
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
numpydoc_validation_checks = {
    "GL01", "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL10",
    "PR01", "PR02", "PR03", "PR05", "PR10",
    "RT02", "SS01", "SS02", "SS03", "SS04", "SS06",
    "YD01",
}  # fmt: skip
# xarray creates the accessor object, so its constructor needs no documentation.
numpydoc_validation_exclude = {r"\.Dataset\.resample$"}

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"xresample {release.partition('+')[0]}"  # without the part that names a commit
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"
# Highlighting styles for the light and the dark mode of the theme.
pygments_style = "default"
pygments_dark_style = "monokai"
