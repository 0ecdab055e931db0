"""What a statement says of the tenant and of what Citus cannot run, by PostgreSQL's own parser."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pglast

Node = Mapping[str, Any]

_SCOPES = frozenset({"SelectStmt", "UpdateStmt", "DeleteStmt"})


def parse(sql: str) -> Node:
    parsed: Any = pglast.parse_sql(sql)[0].stmt
    return cast("Node", parsed(skip_none=True))


@dataclass
class Scope:
    """A select, update or delete: the tables that it reads or changes, and what it asks of them."""

    tables: dict[str, str] = field(default_factory=dict)
    """By the name that they have in it."""
    conditions: list[Node] = field(default_factory=list)
    """All of which hold."""

    def find_unbound(self, user: int, tenant_tables: Collection[str]) -> set[str]:
        """Return the tenants' tables whose user is neither a parameter of the statement nor that of a bound neighbour.

        A comparison with a column of the query around it does not count: Citus cannot route by it.
        """
        equal = [pair for condition in self.conditions if (pair := self._compare_users(condition, user))]
        bound = {str(user)}
        while newly := {name for pair in equal if pair & bound for name in pair} - bound:
            bound |= newly
        return {table for name, table in self.tables.items() if table in tenant_tables and name not in bound}

    def _compare_users(self, condition: Node, user: int) -> set[str]:
        if condition["@"] != "A_Expr" or condition["kind"]["name"] != "AEXPR_OP":
            return set()
        if condition["name"][0]["sval"] != "=":
            return set()
        sides = {self._name_user(condition.get(side, {}), user) for side in ("lexpr", "rexpr")}
        return set() if None in sides else {side for side in sides if side}

    def _name_user(self, side: Node, user: int) -> str | None:
        """Return whose user a side of a comparison is: a table's name here, or the parameter's number."""
        while side.get("@") == "TypeCast":
            side = side["arg"]
        if side.get("@") == "ParamRef":
            return str(user) if side["number"] == user else None
        names = [part.get("sval") for part in side.get("fields", ())]
        if names[-1:] != ["user_id"]:
            return None
        if len(names) == 1:
            return next(iter(self.tables)) if len(self.tables) == 1 else None
        return names[0] if names[0] in self.tables else None


def scopes(node: Node) -> Iterator[Scope]:
    """Give every select, update and delete of a statement."""
    for part in _descend(node):
        if part["@"] in _SCOPES:
            scope = Scope()
            for source in (
                part.get("relation"),
                *part.get("fromClause", ()),
                *part.get("usingClause", ()),
            ):
                if source is not None:
                    _add_source(scope, source)
            scope.conditions += _split(part.get("whereClause"))
            yield scope


def find_subscripts_set(node: Node) -> set[str]:
    """Return the columns that an update sets to an element or a slice of an array, and nothing around it.

    Citus 13.2 takes that for an element that is set, and its process ends.
    """
    return {
        target["name"]
        for part in _descend(node)
        if part["@"] in {"UpdateStmt", "OnConflictClause"}
        for target in part.get("targetList", ())
        if target["val"]["@"] == "A_Indirection"
        and any(step["@"] == "A_Indices" for step in target["val"]["indirection"])
    }


def has_parameter_on_conflict(node: Node, tables: Collection[str]) -> bool:
    """Return whether an insert into one of the tables, of what a query selects, has a parameter in its `on conflict`.

    Citus 13.2 sends it to the other nodes without the types of the parameters that only the query has.
    """
    return any(
        part["@"] == "InsertStmt"
        and part["relation"]["relname"] in tables
        and "valuesLists" not in part.get("selectStmt", {})
        and any(inner["@"] == "ParamRef" for inner in _descend(part.get("onConflictClause")))
        for part in _descend(node)
    )


def _add_source(scope: Scope, source: Node) -> None:
    match source["@"]:
        case "RangeVar":
            scope.tables[source.get("alias", {}).get("aliasname", source["relname"])] = source["relname"]
        case "JoinExpr":
            _add_source(scope, source["larg"])
            _add_source(scope, source["rarg"])
            scope.conditions += _split(source.get("quals"))


def _split(condition: Node | None) -> list[Node]:
    if condition is None:
        return []
    if condition["@"] == "BoolExpr" and condition["boolop"]["name"] == "AND_EXPR":
        return [part for each in condition["args"] for part in _split(each)]
    return [condition]


def _descend(node: object) -> Iterator[Node]:
    if isinstance(node, Mapping):
        if "@" in node:
            yield node
        for value in node.values():
            yield from _descend(value)
    elif isinstance(node, tuple | list):
        for value in node:
            yield from _descend(value)
