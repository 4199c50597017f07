"""From a template to a page."""

from pathlib import Path
from typing import Any

import jinja2


def rendered(template: Path, **given: Any) -> str:
    """The text of a jinja2 template, which may include its neighbours; whatever is given is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**given)
