"""The frame of every page, and the pages a person sees while connecting an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; background: #f5f8fa; color: #33475b; margin: 0; }}
main {{ max-width: {width}; margin: 4rem auto; padding: 2rem; background: #fff; border-radius: 8px;
  box-shadow: 0 1px 6px #33475b22; }}
h1 {{ font-size: 1.3rem; margin-top: 0; }}
form {{ display: inline-block; margin-right: .5rem; }}
button {{ font: inherit; padding: .5rem 1.4rem; border: 1px solid #33475b; border-radius: 4px; background: #fff; }}
button.allow {{ background: #33475b; color: #fff; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #cbd6e2; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
pre {{ background: #f5f8fa; padding: .8rem; overflow-x: auto; }}
</style></head><body><main>{content}</main></body></html>
"""


def page(title: str, content: str, width: str = "30rem") -> str:
    """Return a document; `content` is HTML, with everything in it escaped that came from outside."""
    return _PAGE.format(title=escape(title), content=content, width=width)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """What the consent page asks a person to allow."""

    field: str
    """The form field that carries the chosen account's id."""
    accounts: Sequence[tuple[str, str]]
    """Id and name of each account that may be chosen."""
    scopes: Sequence[str]


def consent_page(action: str, offer: ConsentRequest) -> str:
    """Two forms that post to `action`: field `decision` is `allow` or `deny`, the offer's field the chosen account."""
    wanted = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in offer.scopes)
    content = (
        f"<h1>Connect an app to {_title(offer)}</h1>"
        f"<p>This is the sandbox's consent page. The app asks to use:</p><ul>{wanted}</ul>"
        f"{_form(action, 'allow', 'Allow', _chooser(offer))}{_form(action, 'deny', 'Deny', '')}"
    )
    return page("Connect an app", content)


def refusal_page(reason: str) -> str:
    """Say what a CRM says instead of redirecting when it cannot trust the request."""
    return page("Cannot connect", f"<h1>Cannot connect</h1><p>{escape(reason)}</p>")


def _title(offer: ConsentRequest) -> str:
    return f"“{escape(offer.accounts[0][1])}”" if len(offer.accounts) == 1 else "an account"


def _chooser(offer: ConsentRequest) -> str:
    if len(offer.accounts) == 1:
        return f'<input type="hidden" name="{offer.field}" value="{escape(offer.accounts[0][0])}">'
    options = "".join(
        f'<option value="{escape(account_id)}">{escape(name)} ({escape(account_id)})</option>'
        for account_id, name in offer.accounts
    )
    return f'<p><label>Account <select name="{offer.field}">{options}</select></label></p>'


def _form(action: str, decision: str, label: str, fields: str) -> str:
    return (
        f'<form method="post" action="{escape(action, quote=True)}">'
        f'<input type="hidden" name="decision" value="{decision}">{fields}'
        f'<button class="{decision}">{label}</button></form>'
    )
