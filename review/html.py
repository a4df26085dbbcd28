"""The one way to make HTML: a template filled with plain values, which come out as text.

A template lies in the folder `templates` of the package that uses it and is named `package/file`,
so that a page of the app can build on pieces of the report. Leaves out markup made elsewhere: only
`app/views/sanitise.py` makes any, and says so by its type.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """The template with its values, each escaped unless it is markup.

    template: as `review.report/page.html.j2`. Raises jinja2.TemplateNotFound where there is none
    and jinja2.UndefinedError where it asks for a value that is not given.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(template: str) -> str | None:
    package, _, name = template.partition("/")
    file = files(package) / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None
