"""What a link rests on, and the reasons why there is none, for the statement that counts by them."""

from collections.abc import Iterable, Mapping

from astrelo.domain.contact import CompanyMatch, UnlinkedReason

LINK_LISTS: Mapping[str, Iterable[object]] = {
    "company_matches": CompanyMatch,
    "unlinked_reasons": UnlinkedReason,
}
"""What `connections/queries.sql` repeats a pattern for: none is left out of the counts."""
