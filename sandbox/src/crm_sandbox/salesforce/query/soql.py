"""A parser for the part of SOQL that the sandbox simulates.

The rest of SOQL raises NotSimulated; what is not SOQL raises ApiError MALFORMED_QUERY.

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
from crm_sandbox.salesforce.errors import malformed_query
from crm_sandbox.salesforce.unsimulated import DATE_LITERALS, SOQL_WORDS

MAX_STATEMENT_LENGTH = 100_000
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
    """Parse one statement; raise NotSimulated or ApiError MALFORMED_QUERY at what cannot be parsed."""
    if len(text) > MAX_STATEMENT_LENGTH:
        raise malformed_query(f"SOQL statements cannot be longer than {MAX_STATEMENT_LENGTH} characters.")
    return _Parser(_tokenize(text)).parse_statement()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "name" else ""


_END = _Token("end", "<EOF>")


def _tokenize(text: str) -> list[_Token]:
    found, position, stripped = [], 0, text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise malformed_query(f"unexpected token: '{stripped[position : position + 20].strip()}'")
        found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = [*tokens, _END]
        self._position = 0

    def parse_statement(self) -> Statement:
        found = Statement()
        self._expect("select")
        found.fields = self._parse_select_list()
        self._expect("from")
        found.object_name = self._parse_name()
        self._require_no_alias()
        if self._accept("where"):
            found.conditions = self._parse_conditions()
        if self._accept("order"):
            self._expect("by")
            found.ordering = self._parse_list(self._parse_ordering)
        if self._accept("limit"):
            found.limit = self._parse_whole_number()
        if self._next is not _END:
            raise self._unexpected()
        return found

    def _parse_select_list(self) -> list[str]:
        if [token.text.lower() for token in self._tokens[self._position : self._position + 3]] == [
            "count",
            "(",
            ")",
        ]:
            self._position += 3
            return []
        return self._parse_list(self._parse_name)

    def _require_no_alias(self) -> None:
        if self._next.kind == "name" and self._next.word not in _RESERVED:
            after = self._tokens[self._position + 1]
            if after is _END or after.word in _RESERVED:
                raise NotSimulated("aliases in SOQL")

    def _parse_conditions(self) -> list[Condition]:
        found = self._parse_term()
        while self._accept("and"):
            found += self._parse_term()
        return found

    def _parse_term(self) -> list[Condition]:
        if self._next.text != "(":
            return [self._parse_comparison()]
        self._expect_punctuation("(")
        found = self._parse_conditions()
        self._expect_punctuation(")")
        return found

    def _parse_comparison(self) -> Condition:
        name = self._parse_name()
        if self._accept("in"):
            self._expect_punctuation("(")
            literals = self._parse_list(self._parse_literal)
            self._expect_punctuation(")")
            return Condition(name, "IN", literals)
        if self._next.kind != "operator":
            raise self._unexpected()
        operator: Operator = self._advance().text.replace("<>", "!=")  # type: ignore[assignment] # the pattern has no others
        return Condition(name, operator, (self._parse_literal(),))

    def _parse_ordering(self) -> Ordering:
        name = self._parse_name()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        return Ordering(name, descending)

    def _parse_literal(self) -> Literal:
        token = self._advance()
        if token.kind == "text":
            return Literal("text", _unescape(token.text[1:-1]))
        if token.word in {"true", "false"}:
            return Literal("boolean", token.word)
        if token.word == "null":
            return Literal("null", "null")
        if token.kind in {"number", "date", "datetime"}:
            return Literal(token.kind, token.text)  # type: ignore[arg-type] # one of the three
        self._position -= 1
        raise self._unexpected()

    def _parse_whole_number(self) -> int:
        token = self._advance()
        if token.kind != "number" or not token.text.isdigit():
            self._position -= 1
            raise self._unexpected()
        return int(token.text)

    def _parse_list(self, parse_item: Callable[[], T]) -> list[T]:
        found = [parse_item()]
        while self._next.text == ",":
            self._expect_punctuation(",")
            found.append(parse_item())
        return found

    def _parse_name(self) -> str:
        if self._next.kind != "name" or self._next.word in _RESERVED:
            raise self._unexpected()
        name = self._advance().text
        if self._next.text == "(":
            raise NotSimulated(f"the SOQL function {name}()")
        return name

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _expect_punctuation(self, mark: str) -> None:
        if self._next.text != mark:
            raise self._unexpected()
        self._position += 1

    def _accept(self, word: str) -> bool:
        """Consume a keyword when it is the next token."""
        if self._next.word != word:
            return False
        self._position += 1
        return True

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position]

    def _advance(self) -> _Token:
        token = self._next
        self._position += token is not _END
        return token

    def _unexpected(self) -> Exception:
        """Return the exception to raise at the next token."""
        if (feature := self._unsimulated_feature()) is not None:
            return NotSimulated(f"{feature} in SOQL")
        return malformed_query(f"unexpected token: '{self._next.text}'")

    def _unsimulated_feature(self) -> str | None:
        token = self._next
        if token.kind == "path":
            return f"relationship fields ({token.text})"
        if token.kind == "relative_date" or token.word in DATE_LITERALS:
            return f"the date literal {token.text}"
        if token.word in SOQL_WORDS:
            return token.text.upper()
        around = self._tokens[max(self._position - 1, 0) : self._position + 2]
        if "(select" in "".join(token.text.lower() for token in around):
            return "subqueries"
        if token.kind == "name" and _CURRENCY_LITERAL.fullmatch(token.text):
            return f"the currency literal {token.text}"
        return None


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "u" and len(code) > 1:
            return chr(int(code[1:], 16))
        known = _ESCAPES.get(code.lower() if code.isalpha() else code)
        if known is None:
            raise malformed_query(f"Illegal string literal: invalid escape sequence '\\{code}'")
        return known

    return _ESCAPE.sub(replace, text)
