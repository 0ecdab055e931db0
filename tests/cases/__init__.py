"""Inputs that people really type, with their right values: `python -m tests.cases FOLDER [-v] [--no-stack]`.

FOLDER holds files `k*.json`: `{"kind", "call", "note", "cases": [{"in": [...], "right": value, "control": true}]}`.
`call` is a name of `tests.cases.calls.CALLS`; `control` marks what was right before and must stay so. A call that
raises gives the text `raised TypeName`. Values are compared as JSON has them: tuples as lists, decimals as text, enums
as their values, times in ISO 8601.

Where FOLDER holds `portal.jsonl` and `stack.json`, a HubSpot of that portal, an API and a worker are started too, on
free ports and a database of their own, and ended again. The sections of stack.json, each a list whose members have a
`kind`:

- `show`: the `field` that the API shows of `what` (companies, contacts, deals) with the CRM's `id`; the field
  `company` is the CRM's id of the linked company.
- `apart`: two `ids` of the CRM that are two companies of ours.
- `find`: whether the `query` finds `id` among `what`; `right` is true where it is left out.
- `webhooks`: the status of a signed call with `body` (PORTAL stands for the account) to `path`, or signed for
  `signed_path`.
- `tokens`: the status of a request whose claims lie so many seconds (`offsets`) from now.
- `faults`: the status of a first run under `rules` of the sandbox, and words that its reason has (`reason_has`) or
  lacks (`reason_lacks`).
- `again`: two full runs complete while the portal holds `records` too.

Each failure is a line, each file is one, and the last says `N of M fail`. Exit status: 0 none failed, 1 some, 2 there
was nothing to run.
"""
