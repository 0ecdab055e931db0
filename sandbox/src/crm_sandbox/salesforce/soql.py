"""The part of SOQL that the sandbox understands. The rest of SOQL is NotSimulated, what is none MALFORMED_QUERY.

    SELECT name, name … | COUNT()  FROM name
    [WHERE condition AND condition …]  [ORDER BY name [ASC|DESC], …]  [LIMIT number]

A condition is `name operator literal`, `name IN (literal, …)` or conditions in parentheses. Literals are typed:
'text' with backslash escapes, numbers, true and false, null, dates and datetimes without quotes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal as OneOf
from typing import TypeVar

from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.errors import malformed
from crm_sandbox.salesforce.unsimulated import DATE_LITERALS, SOQL_WORDS

LONGEST_STATEMENT = 100_000
T = TypeVar("T")
Kind = OneOf["text", "number", "boolean", "null", "date", "datetime"]
Operator = OneOf["=", "!=", "<", "<=", ">", ">=", "IN"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)(?![\dT])
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.-])
    | (?P<path>[A-Za-z]\w*(?:\.[A-Za-z]\w*)+)(?![\w.:])
    | (?P<relative_date>(?i:(?:last|next)_n_[a-z_]+|n_[a-z_]+_ago):\d+)(?![\w.:])
    | (?P<name>[A-Za-z]\w*)(?![\w.:])
    | (?P<operator>!=|<>|<=|>=|=|<|>)
    | (?P<punctuation>[(),])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CURRENCY_LITERAL = re.compile(r"[A-Z]{3}\d+(?:\.\d+)?")
_RESERVED = frozenset({"select", "from", "where", "and", "in", "order", "by", "limit"}) | SOQL_WORDS


@dataclass(frozen=True, slots=True)
class Literal:
    kind: Kind
    text: str
    """Unescaped text, or the literal as it was written."""


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    operator: Operator
    literals: Sequence[Literal]


@dataclass(frozen=True, slots=True)
class Ordering:
    field: str
    descending: bool


@dataclass(slots=True)
class Statement:
    object_name: str = ""
    fields: list[str] = field(default_factory=list)
    """Empty for COUNT()."""
    conditions: list[Condition] = field(default_factory=list)
    ordering: list[Ordering] = field(default_factory=list)
    limit: int | None = None


def parse(text: str) -> Statement:
    """Parse one statement.

    Raise NotSimulated at a part of SOQL that the sandbox does not simulate, ApiRefusal MALFORMED_QUERY at what is none.
    """
    if len(text) > LONGEST_STATEMENT:
        raise malformed(f"SOQL statements cannot be longer than {LONGEST_STATEMENT} characters.")
    return _Parser(_tokens(text)).statement()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "name" else ""


_END = _Token("end", "<EOF>")


def _tokens(text: str) -> list[_Token]:
    found, place, stripped = [], 0, text.rstrip()
    while place < len(stripped):
        match = _TOKEN.match(stripped, place)
        if match is None:
            raise malformed(f"unexpected token: '{stripped[place : place + 20].strip()}'")
        found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = [*tokens, _END]
        self._place = 0

    def statement(self) -> Statement:
        found = Statement()
        self._keyword("select")
        found.fields = self._selected()
        self._keyword("from")
        found.object_name = self._name()
        self._require_no_alias()
        if self._skips("where"):
            found.conditions = self._conditions()
        if self._skips("order"):
            self._keyword("by")
            found.ordering = self._list(self._ordering)
        if self._skips("limit"):
            found.limit = self._whole_number()
        if self._next is not _END:
            raise self._unexpected()
        return found

    def _selected(self) -> list[str]:
        if [token.text.lower() for token in self._tokens[self._place : self._place + 3]] == [
            "count",
            "(",
            ")",
        ]:
            self._place += 3
            return []
        return self._list(self._name)

    def _require_no_alias(self) -> None:
        if self._next.kind == "name" and self._next.word not in _RESERVED:
            after = self._tokens[self._place + 1]
            if after is _END or after.word in _RESERVED:
                raise NotSimulated("aliases in SOQL")

    def _conditions(self) -> list[Condition]:
        found = self._term()
        while self._skips("and"):
            found += self._term()
        return found

    def _term(self) -> list[Condition]:
        if self._next.text != "(":
            return [self._comparison()]
        self._mark("(")
        found = self._conditions()
        self._mark(")")
        return found

    def _comparison(self) -> Condition:
        name = self._name()
        if self._skips("in"):
            self._mark("(")
            literals = self._list(self._literal)
            self._mark(")")
            return Condition(name, "IN", literals)
        if self._next.kind != "operator":
            raise self._unexpected()
        operator: Operator = self._taken().text.replace("<>", "!=")  # type: ignore[assignment] # the pattern has no others
        return Condition(name, operator, (self._literal(),))

    def _ordering(self) -> Ordering:
        name = self._name()
        descending = self._skips("desc")
        if not descending:
            self._skips("asc")
        return Ordering(name, descending)

    def _literal(self) -> Literal:
        token = self._taken()
        if token.kind == "text":
            return Literal("text", _unescaped(token.text[1:-1]))
        if token.word in {"true", "false"}:
            return Literal("boolean", token.word)
        if token.word == "null":
            return Literal("null", "null")
        if token.kind in {"number", "date", "datetime"}:
            return Literal(token.kind, token.text)  # type: ignore[arg-type] # one of the three
        self._place -= 1
        raise self._unexpected()

    def _whole_number(self) -> int:
        token = self._taken()
        if token.kind != "number" or not token.text.isdigit():
            self._place -= 1
            raise self._unexpected()
        return int(token.text)

    def _list(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self._next.text == ",":
            self._mark(",")
            found.append(one())
        return found

    def _name(self) -> str:
        if self._next.kind != "name" or self._next.word in _RESERVED:
            raise self._unexpected()
        name = self._taken().text
        if self._next.text == "(":
            raise NotSimulated(f"the SOQL function {name}()")
        return name

    def _keyword(self, word: str) -> None:
        if not self._skips(word):
            raise self._unexpected()

    def _mark(self, mark: str) -> None:
        if self._next.text != mark:
            raise self._unexpected()
        self._place += 1

    def _skips(self, word: str) -> bool:
        """Pass over a keyword when it comes next."""
        if self._next.word != word:
            return False
        self._place += 1
        return True

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _taken(self) -> _Token:
        token = self._next
        self._place += token is not _END
        return token

    def _unexpected(self) -> Exception:
        """Return what to raise at the next token."""
        if (feature := self._unsimulated_feature()) is not None:
            return NotSimulated(f"{feature} in SOQL")
        return malformed(f"unexpected token: '{self._next.text}'")

    def _unsimulated_feature(self) -> str | None:
        token = self._next
        if token.kind == "path":
            return f"relationship fields ({token.text})"
        if token.kind == "relative_date" or token.word in DATE_LITERALS:
            return f"the date literal {token.text}"
        if token.word in SOQL_WORDS:
            return token.text.upper()
        around = self._tokens[max(self._place - 1, 0) : self._place + 2]
        if "(select" in "".join(token.text.lower() for token in around):
            return "subqueries"
        if token.kind == "name" and _CURRENCY_LITERAL.fullmatch(token.text):
            return f"the currency literal {token.text}"
        return None


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "u" and len(code) > 1:
            return chr(int(code[1:], 16))
        known = _ESCAPES.get(code.lower() if code.isalpha() else code)
        if known is None:
            raise malformed(f"Illegal string literal: invalid escape sequence '\\{code}'")
        return known

    return _ESCAPE.sub(one, text)
