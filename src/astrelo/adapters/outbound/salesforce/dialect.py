"""What Salesforce's answers mean: which of them to wait for, and which error the others are."""

from astrelo.domain.errors import CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import Provider


class Refused(CrmRejected):
    """A refusal that only the caller of the endpoint can judge; `code` is Salesforce's errorCode."""

    def __init__(self, status: int, code: str, what: str) -> None:
        super().__init__(Provider.SALESFORCE, status, f"{code} for {what}")
        self.code = code


class QueryTimedOut(CrmUnavailable):
    """A query that ran into Salesforce's own time limit, at every attempt: ask for less, or in bulk."""

    def __init__(self, what: str) -> None:
        super().__init__(Provider.SALESFORCE, f"QUERY_TIMEOUT for {what}")
