"""From what people typed into a CRM to values that can be compared, counted and indexed.

Every reader is total and idempotent: it never raises, and reading its own result again changes
nothing. It returns None for what says nothing (None, "", blanks) and for what cannot be read; a
caller that must tell the two apart asks `has_text` of the text.
"""

from astrelo.domain.normalization.emails import MAX_EMAIL_LENGTH, Email, email_address
from astrelo.domain.normalization.linkedin import linkedin_page
from astrelo.domain.normalization.search_keys import search_email, search_key
from astrelo.domain.normalization.text import MAX_TEXT_LENGTH, has_text, is_cut, text, truncated_text
from astrelo.domain.normalization.values import (
    AMOUNT_BOUND,
    AMOUNT_DECIMALS,
    MAX_EMPLOYEES,
    MAX_NUMBER_LENGTH,
    REVENUE_RANGES,
    amount,
    currency,
    employee_count,
    flag,
    probability,
    revenue_range,
    timestamp,
)
from astrelo.domain.normalization.web_sites import identity_domain, web_domain

__all__ = [
    "AMOUNT_BOUND",
    "AMOUNT_DECIMALS",
    "MAX_EMAIL_LENGTH",
    "MAX_EMPLOYEES",
    "MAX_NUMBER_LENGTH",
    "MAX_TEXT_LENGTH",
    "REVENUE_RANGES",
    "Email",
    "amount",
    "currency",
    "email_address",
    "employee_count",
    "flag",
    "has_text",
    "identity_domain",
    "is_cut",
    "linkedin_page",
    "probability",
    "revenue_range",
    "search_email",
    "search_key",
    "text",
    "timestamp",
    "truncated_text",
    "web_domain",
]
