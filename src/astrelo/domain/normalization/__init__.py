"""Parsing values that were typed into a CRM, so that they can be compared, counted and indexed.

Every parser is total and idempotent: it never raises, and parsing its own result changes nothing.
It returns None for empty values (None, "", blanks) and for values that cannot be read; `has_text`
distinguishes the two.
"""

from astrelo.domain.normalization.emails import MAX_EMAIL_LENGTH, Email, email_address
from astrelo.domain.normalization.linkedin import linkedin_page
from astrelo.domain.normalization.search_keys import search_email, search_key
from astrelo.domain.normalization.text import MAX_TEXT_LENGTH, has_text, is_cut, text, truncate_text
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
    "truncate_text",
    "web_domain",
]
