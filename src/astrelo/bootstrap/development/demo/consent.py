"""Reading a CRM's consent page as a browser does: where its forms lead, and what they carry."""

from html.parser import HTMLParser
from typing import NamedTuple


class Form(NamedTuple):
    action: str
    """As the page writes it, perhaps relative."""
    fields: dict[str, str]


def allow_form(page: str) -> Form | None:
    """Find the form that allows what is asked for."""
    found = _Forms()
    found.feed(page)
    return next((form for form in found.forms if form.fields.get("decision") == "allow"), None)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), {}))
        elif tag == "input" and self.forms:
            self.forms[-1].fields[given.get("name", "")] = given.get("value", "")
