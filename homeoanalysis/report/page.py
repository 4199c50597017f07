"""From a template to a page."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_SCRIPT = "figures.js"


def rendered(template: Path, **given: Any) -> str:
    """The text of a jinja2 template, which may include its neighbours; whatever is given is escaped.

    The page has the script `figures.js` that lies beside the template, and a policy by which a browser runs no other one and
    loads nothing, whatever names and captions hold.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (template.parent / _SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    meta = Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(Markup(policy))
    return environment.get_template(template.name).render(script=Markup(script), policy=meta, **given)
