"""Settings of Sphinx for the website, which docs/website/layout.py lays out and `make book` builds."""

import hashlib
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

from grader.classroom.formulas import as_mathml  # noqa: E402
from grader.way import slug  # noqa: E402

from layout import github_slug  # noqa: E402

project = "Gradients with PyTorch"
author = "the authors of the course"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc"]

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/icon.svg"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True}
pygments_dark_style = "github-dark"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "layout.github_slug"
myst_update_mathjax = False

# A lesson runs again when it or the package has changed.
_package = hashlib.sha256()
for _path in sorted(ROOT.glob("grader/**/*.py")):
    _package.update(_path.read_bytes())
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "outputs" / _package.hexdigest()[:16])
nb_execution_excludepatterns = ["exercises/*"]
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type"]  # a card carries its verdict as data, too, which is not shown
nb_ipywidgets_js = {}  # which would come from a network, and no page has a widget
nb_render_text_lexer = "none"

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False


def inline(writer, node: nodes.math) -> None:
    writer.body.append(f'<span class="math">{as_mathml(node.astext())}</span>')
    raise nodes.SkipNode


def block(writer, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math" tabindex="0">{as_mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


class Anchors(SphinxPostTransform):
    """Gives every heading the anchors under which documents and cards link to it, besides Sphinx's own."""

    default_priority = 900

    def run(self, **kwargs: object) -> None:
        taken = {id for section in self.document.findall(nodes.section) for id in section["ids"]}
        for section in self.document.findall(nodes.section):
            title = section.next_node(nodes.title).astext()
            for anchor in (github_slug(title), slug(title)):
                if anchor not in taken:
                    taken.add(anchor)
                    section["ids"].append(anchor)


FIELD = re.compile(r"^(\w+(?:, \w+)*): (?=\S)")


def as_fields(app: Sphinx, what: str, name: str, of: object, options: object, lines: list[str]) -> None:
    """Lines of a docstring that begin with ``name: `` become a list of fields; long ones are continued."""
    if what == "module":
        return
    changed: list[str] = []
    within = False
    for line in lines:
        if FIELD.match(line):
            if not within:
                changed.append("")
            within = True
            changed.append(FIELD.sub(lambda found: f":{found[1]}: ", line))
        elif within and line.strip() and not line.startswith(">>>"):
            changed.append(f"    {line.strip()}")
        else:
            within = False
            changed.append(line)
    lines[:] = [
        line if "``" in line or line.lstrip().startswith(">>>") else line.replace("|", "\\|") for line in changed
    ]


def without_factories(
    app: Sphinx, what: str, name: str, of: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The signature of a dataclass with the empty mapping that a factory makes."""
    return signature and signature.replace("<factory>", "{}"), returns


# What Sphinx writes -> what it must be for readers without a mouse or without eyes: code that scrolls takes the focus,
# and a heading says of which level it is.
BARRIERS = {
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
}


def without_barriers(app: Sphinx, why: Exception | None) -> None:
    for path in Path(app.outdir).rglob("*.html") if why is None else ():
        before = after = path.read_text("utf-8")
        for found, right in BARRIERS.items():
            after = after.replace(found, right)
        if after != before:
            path.write_text(after, "utf-8")


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.add_post_transform(Anchors)
    app.connect("build-finished", without_barriers)
    app.connect("autodoc-process-docstring", as_fields)
    app.connect("autodoc-process-signature", without_factories)
