"""Every sentence that a customer or the frontend reads, in one place: edit them here.

A message says what happened, what it means for the customer's data, and what to do, in that order, each in whole
sentences. Words in braces are filled in: `{crm}` is the name of the CRM, `{records}` are companies, contacts, deals or
owners, words that the CRM itself uses (a code, a permission) stand in brackets.

Where the parts appear: the `reason` of runs, steps and connections is what happened and what it means, their `action`
what to do. A problem's `title` is what happened, its `detail` what happened in this case and what it means, its
`action` what to do. Warnings and the page show all three. Texts for operators (logs, the command line) are not here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from astrelo.domain import errors
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import CompanyAssociation, RejectionReason
from astrelo.domain.sync import RunStatus
from astrelo.domain.unreadable import Trouble
from astrelo.domain.webhook_endpoints.deliveries import DeliveryError
from astrelo.domain.webhook_endpoints.endpoints import DisabledReason


class Message(NamedTuple):
    happened: str
    means: str
    """What it means for the customer's data."""
    to_do: str

    def format(self, **fields: object) -> "Message":
        return Message(*(part.format(**fields) for part in self))

    @property
    def title(self) -> str:
        return self.happened.removesuffix(".")

    @property
    def reason(self) -> str:
        return f"{self.happened} {self.means}"

    @property
    def text(self) -> str:
        return " ".join(self)


SYNC_AGAIN = "Request a sync: it continues where this one stopped."
IF_IT_HAPPENS_AGAIN = "If it happens again, contact us."
ADMINISTRATOR_GRANTS = (
    "Have an administrator of {crm} grant what is missing, which the reason names, then connect {crm} again."
)

CONNECTIONS: Mapping[str, Message] = {
    "active": Message(
        "{crm} is connected.",
        "Your data is refreshed regularly.",
        "Nothing to do.",
    ),
    "needs_reauthorization": Message(
        "{crm} no longer accepts our access.",
        "Your data is kept, but it is not refreshed until you connect again.",
        "Connect {crm} again. If {crm} does not let you in, ask its administrator.",
    ),
    "disconnected": Message(
        "{crm} was disconnected.",
        "Your data is kept as it is and is no longer refreshed.",
        "Connect {crm} to bring your data up to date.",
    ),
    "not_connected": Message(
        "{crm} is not connected.",
        "There is no data from {crm} yet.",
        "Connect {crm} to bring in your companies, contacts and deals.",
    ),
}
"""How a CRM stands, by its status. Only the last three are shown with what to do."""

RUNS: Mapping[RunStatus, Message] = {
    RunStatus.QUEUED: Message(
        "The sync is waiting to start.",
        "Your data is as the last sync left it.",
        "Nothing to do: it starts by itself.",
    ),
    RunStatus.RUNNING: Message(
        "The sync is running.",
        "New and changed records appear while it runs.",
        "Nothing to do.",
    ),
    RunStatus.PARKED: Message(
        "The sync is paused.",
        "What has been read so far is stored.",
        "Nothing to do: the sync continues by itself at the time in parked_until. "
        "Where an administrator can help, the reason says so.",
    ),
    RunStatus.COMPLETED: Message(
        "The sync is complete.",
        "Your data is up to date.",
        "Nothing to do.",
    ),
    RunStatus.PARTIAL: Message(
        "The sync finished, but not with everything.",
        "What is missing keeps the state of the last sync that read it.",
        "See the reason and the warnings of this sync.",
    ),
    RunStatus.FAILED: Message(
        "The sync stopped because of an error.",
        "What was read before it stopped is stored.",
        SYNC_AGAIN,
    ),
    RunStatus.CANCELLED: Message(
        "The sync was cancelled.",
        "What was read before is stored.",
        "Request a sync to bring your data up to date.",
    ),
}
"""How a run stands. What to do is shown for parked and failed runs; for partial ones it follows from their steps."""

WAITS_FOR_REAUTHORIZATION = Message(
    "The sync is paused, because {crm} no longer accepts our access.",
    "What has been read so far is stored.",
    "Connect {crm} again; the sync then continues where it stopped.",
)

# Why a run ended or waits: the reason of a run, kept with it.

WORKER_LOST = Message(
    "The sync stopped {attempts} times without finishing.",
    "We have been notified; your data so far is safe and the next sync continues from here.",
    f"{SYNC_AGAIN} {IF_IT_HAPPENS_AGAIN}",
)
CRASHED = Message(
    "The sync stopped because of an error on our side ({error}).",
    "We have been notified; your data so far is safe and the next sync continues from here.",
    f"{SYNC_AGAIN} {IF_IT_HAPPENS_AGAIN}",
)
CANCELLED = Message(
    "You cancelled the sync.",
    "What was read before is stored.",
    "Request a sync to bring your data up to date.",
)
SUPERSEDED = Message(
    "The sync was cancelled, because a more thorough one was requested.",
    "That one reads everything that this one would have read.",
    "Nothing to do.",
)
CANCELLED_BY_DISCONNECT = Message(
    "The sync was cancelled, because the CRM was disconnected.",
    "What was read before is stored.",
    "Connect the CRM to bring your data up to date.",
)
CANCELLED_BY_REPLACEMENT = Message(
    "The sync was cancelled, because another account of the CRM was connected in its place.",
    "The data of the former account is deleted.",
    "Nothing to do: the new account is synced by itself.",
)

# Why a connection is not active: the reason of a connection, kept with it.

DISCONNECTED = Message(
    "You disconnected the CRM.",
    "Your data is kept as it is and is no longer refreshed.",
    "Connect the CRM to bring your data up to date.",
)
REPLACED = Message(
    "Another account of the CRM was connected in place of this one.",
    "The data of the former account is deleted.",
    "Nothing to do: the new account is synced by itself.",
)
ACCESS_LOST = Message(
    "{crm} no longer accepts our access ({reason}).",
    "Your data is kept, but it is not refreshed until you connect again.",
    "Connect {crm} again.",
)
RENEWAL_LOST = Message(
    "{crm} renewed our access, but its response did not reach us, so that the old access no longer works.",
    "Your data is kept, but it is not refreshed until you connect again.",
    "Connect {crm} again.",
)

CRM_ERRORS: Mapping[type[errors.CrmError], Message] = {
    errors.CrmError: Message(
        "{crm} reported an error.",
        "Your stored data is unaffected.",
        f"Try again. {IF_IT_HAPPENS_AGAIN}",
    ),
    errors.RateLimited: Message(
        "{crm} asked us to wait{because} ({policy}).",
        "What has been read so far is stored; the sync continues by itself.",
        "Nothing to do: the sync continues by itself.",
    ),
    errors.CrmUnavailable: Message(
        "{crm} is not available at the moment ({reason}).",
        "Your stored data is unaffected.",
        "Try again in a few minutes.",
    ),
    errors.ReauthorizationRequired: ACCESS_LOST,
    errors.PermissionMissing: Message(
        "{crm} does not let us read your {records}: {missing}.",
        "They stay as they are; everything else is synced.",
        ADMINISTRATOR_GRANTS,
    ),
    errors.GrantRejected: Message(
        "{crm} refused the authorization ({reason}).",
        "Nothing was connected and nothing was changed.",
        "Start connecting again.",
    ),
    errors.CrmMisconfigured: Message(
        "{crm} refused our application's own credentials ({reason}).",
        "The fault is ours, not yours; your stored data is unaffected.",
        "Contact us.",
    ),
    errors.CrmRejected: Message(
        "{crm} sent a response that we could not read ({detail}).",
        "Your stored data is unaffected; the next sync tries again.",
        f"{SYNC_AGAIN} {IF_IT_HAPPENS_AGAIN}",
    ),
}
"""What a CRM reported: the reason of a run that it stopped."""

# What a run leaves out: the reason of a step.

RECORDS_UNREADABLE = Message(
    "{crm} returned {records} in a format we could not read ({detail}).",
    "They stay as they are and are read again by the next sync.",
    f"The next sync reads the {{records}} again. {IF_IT_HAPPENS_AGAIN}",
)
DELETIONS_DOUBTED = Message(
    "{gone} of {live} {records} are gone at the CRM, more than we accept without asking.",
    "None of them was removed here.",
    "Check in {crm} whether so many records were really deleted. If they were, ask the operator to let a full sync "
    "accept it (ASTRELO_SYNC_MAX_DELETION_RATIO).",
)

# Warnings in the report of a run. `{reason}` is that of the step: it says what it means for the data.

WARN_REFUSED = Message(
    "The {records} could not be read.",
    "{reason}",
    ADMINISTRATOR_GRANTS,
)
WARN_FAILED = Message(
    "The {records} could not be read to the end.",
    "{reason}",
    f"The next sync reads them again. {IF_IT_HAPPENS_AGAIN}",
)
WARN_HIDDEN = Message(
    "{crm} hides {field} of the {records} from the user who connected ({count} records).",
    "It is empty here.",
    "Have an administrator of {crm} show the field to that user, then request a full sync.",
)
WARN_NOT_RECONCILED = Message(
    "The counts of the {records} do not add up.",
    "Some of them may be missing here.",
    "Contact us and name this sync.",
)
WARN_CROWDED_DOMAIN = Message(
    "{count} company records share the domain {domain}.",
    "They count as one company.",
    "If they are different companies, correct their domain in the CRM.",
)
REJECTED: Mapping[RejectionReason, Message] = {
    RejectionReason.MALFORMED: Message(
        "{count} of the {records} did not have the form of a record ({reason}).",
        "They are not stored.",
        IF_IT_HAPPENS_AGAIN,
    ),
    RejectionReason.BAD_ID: Message(
        "{count} of the {records} had no usable id ({reason}).",
        "They are not stored, because they could not be found again.",
        IF_IT_HAPPENS_AGAIN,
    ),
    RejectionReason.NO_MODIFIED_TIME: Message(
        "{count} of the {records} did not say when they were last modified ({reason}).",
        "They are not stored, because an old copy could replace a newer one.",
        IF_IT_HAPPENS_AGAIN,
    ),
}
UNREADABLE: Mapping[Trouble, Message] = {
    Trouble.UNREADABLE: Message(
        "{count} of the {records} had a value of {field} that we could not read.",
        "The field is empty here.",
        "Correct it in {crm}.",
    ),
    Trouble.CUT: Message(
        "{count} of the {records} had a {field} that is too long.",
        "Its first {limit:,} characters are stored.",
        "Shorten it in {crm}.",
    ),
    Trouble.NO_EXCHANGE_RATE: Message(
        "{count} of the {records} had an amount in a currency without an exchange rate at that time.",
        "{field} is empty here.",
        "Check the currency in {crm}.",
    ),
    Trouble.UNKNOWN_CURRENCY: Message(
        "{count} of the {records} had an amount in a currency that {crm} does not name.",
        "{field} is empty here.",
        "Set their currency in {crm}, or let us know which currency your account uses.",
    ),
    Trouble.UNKNOWN_OWNER: Message(
        "{count} of the {records} had an owner that {crm} does not list.",
        "{field} is empty here.",
        "Assign them to another owner in {crm}.",
    ),
}

# Why a contact or a deal has no company.

UNLINKED: Mapping[UnlinkedReason, Message] = {
    UnlinkedReason.NO_EMAIL: Message(
        "No e-mail address.",
        "The contact belongs to no company here.",
        "Add an e-mail address in the CRM, or associate the contact with a company there.",
    ),
    UnlinkedReason.INVALID_EMAIL: Message(
        "Unreadable e-mail address.",
        "The contact belongs to no company here.",
        "Correct the address in the CRM, or associate the contact with a company there.",
    ),
    UnlinkedReason.FREE_MAIL: Message(
        "Free mail or another shared domain.",
        "The address does not say which company the contact belongs to.",
        "Associate the contact with its company in the CRM.",
    ),
    UnlinkedReason.NO_COMPANY: Message(
        "No company with that domain.",
        "The contact is linked as soon as a company with that domain arrives.",
        "Add the company in the CRM, or associate the contact with its company there.",
    ),
    UnlinkedReason.PERSON_ACCOUNT: Message(
        "A person account, which has no company.",
        "The contact is a customer of its own and is not linked.",
        "Nothing to do.",
    ),
}
DEAL_UNLINKED: Mapping[DealUnlinkedReason, Message] = {
    DealUnlinkedReason.NOT_ASSOCIATED: Message(
        "No associated company.",
        "The deal belongs to no company here.",
        "Associate the deal with its company in the CRM.",
    ),
    DealUnlinkedReason.AMBIGUOUS: Message(
        "Several associated companies, none of them primary.",
        "The deal belongs to no company here.",
        "Mark one of the companies as primary in the CRM.",
    ),
    DealUnlinkedReason.NO_COMPANY: Message(
        "The associated company is not here.",
        "The deal is linked as soon as its company arrives.",
        "If the company was deleted in the CRM, associate another one there.",
    ),
}

# Why a webhook endpoint gets no events, and why a delivery to it failed.

_STILL_RETRIED = (
    "A pending delivery is attempted again at the time in next_attempt_at; a failed one can be redelivered."
)
_READ_CHANGES = "Enable the endpoint again, and read what happened meanwhile from the API."

ENDPOINTS_DISABLED: Mapping[DisabledReason, Message] = {
    DisabledReason.BY_USER: Message(
        "You disabled the endpoint.",
        "It gets no events.",
        "Enable it to get further events.",
    ),
    DisabledReason.GONE: Message(
        "The endpoint responded that it is gone (HTTP 410), so it was disabled.",
        "It gets no events.",
        _READ_CHANGES,
    ),
    DisabledReason.FAILING: Message(
        "A delivery failed for a day and no other one succeeded, so the endpoint was disabled.",
        "It gets no events.",
        f"See why its deliveries failed. {_READ_CHANGES}",
    ),
}
DELIVERY_ERRORS: Mapping[DeliveryError, Message] = {
    DeliveryError.NAME_NOT_FOUND: Message(
        "The host of the URL was not found in the DNS.",
        _STILL_RETRIED,
        "Correct the URL or the DNS record.",
    ),
    DeliveryError.ADDRESS_NOT_ALLOWED: Message(
        "The host of the URL has no public address.",
        _STILL_RETRIED,
        "Use a host on the public internet.",
    ),
    DeliveryError.CONNECTION_FAILED: Message(
        "No connection could be made, or it was closed before the response was complete.",
        _STILL_RETRIED,
        "Check that the server runs and that its firewall admits us.",
    ),
    DeliveryError.TLS_FAILED: Message(
        "The TLS certificate of the server is not valid for the URL, or TLS failed.",
        _STILL_RETRIED,
        "Install a certificate of a public authority for this host, with its intermediate certificates.",
    ),
    DeliveryError.TIMED_OUT: Message(
        "The response was not complete within ten seconds.",
        _STILL_RETRIED,
        "Respond first and process the event afterwards.",
    ),
    DeliveryError.INVALID_RESPONSE: Message(
        "The response was not valid HTTP.",
        _STILL_RETRIED,
        "Check that the URL leads to your HTTP server.",
    ),
    DeliveryError.REDIRECTED: Message(
        "The server responded with a redirect, which is not followed.",
        _STILL_RETRIED,
        "Set the URL to the address that the server redirects to.",
    ),
    DeliveryError.HTTP_ERROR: Message(
        "The server did not accept the event: see response_status.",
        _STILL_RETRIED,
        "Respond with a status from 200 to 299 when the event was received.",
    ),
    DeliveryError.GONE: Message(
        "The server responded that the endpoint is gone (HTTP 410).",
        "The endpoint was disabled.",
        "Enable the endpoint and redeliver the event, or delete the endpoint.",
    ),
    DeliveryError.INTERRUPTED: Message(
        "The delivery was interrupted on our side each time.",
        "The event may have reached you; a failed delivery can be redelivered.",
        f"Redeliver the event. {IF_IT_HAPPENS_AGAIN}",
    ),
    DeliveryError.SECRET_UNREADABLE: Message(
        "The secret of the endpoint cannot be read on our side.",
        _STILL_RETRIED,
        "Rotate the secret of the endpoint.",
    ),
    DeliveryError.ENDPOINT_DISABLED: Message(
        "The endpoint was disabled before the event was delivered.",
        "The event was not delivered.",
        "Enable the endpoint and redeliver the event.",
    ),
}

# What a request to the API was refused for, by the problem's code; docs/errors.md lists the same sentences.

_UNCHANGED = "Nothing was changed."
_TRY_LATER = "Try again after the time in the Retry-After header."
_MENTION_REQUEST_ID = "Try again; if it happens again, contact us with the request_id."

PROBLEMS: Mapping[str, Message] = {
    "invalid_input": Message(
        "A value cannot be accepted.",
        _UNCHANGED,
        "Correct the fields listed under errors and send the request again.",
    ),
    "unknown_parameter": Message(
        "A query parameter is unknown.",
        "Nothing was read or changed, so that a misspelt filter does not go unnoticed.",
        "Remove or correct the parameters listed under errors; /schema lists those that exist.",
    ),
    "invalid_cursor": Message(
        "The cursor is not of this list.",
        "Nothing was read, so that no entries go missing unnoticed.",
        "Send next_cursor of the page before, with the same filters, or leave the cursor out to begin at the start.",
    ),
    "malformed_request": Message(
        "The request cannot be read.",
        _UNCHANGED,
        "Send a well-formed request; a body must be JSON in UTF-8.",
    ),
    "unauthorized": Message(
        "You are not signed in.",
        "Nothing was read or changed.",
        "Send a valid token as 'Authorization: Bearer …' or sign in again.",
    ),
    "cross_site_request": Message(
        "The request came from another site.",
        _UNCHANGED,
        "Send the request from the product's own pages, or with the token in the Authorization header.",
    ),
    "read_only_session": Message(
        "This session is read-only.",
        _UNCHANGED,
        "Have the user make the change; the console is for looking.",
    ),
    "preflight_refused": Message(
        "The browser's preflight request was refused.",
        "The page's own request is not sent.",
        "Leave out what is listed under errors, or have the operator add the page's origin to ASTRELO_CORS_ORIGINS.",
    ),
    "not_found": Message(
        "Not found.",
        "It may have been deleted, or never have existed.",
        "Check the path and the id.",
    ),
    "cursor_expired": Message(
        "The change feed no longer reaches back that far.",
        "Records may have been deleted meanwhile without your knowing.",
        "Discard your copy and begin anew, without after.",
    ),
    "too_many_streams": Message(
        "Too many event streams are open.",
        "The streams that are open go on; your data is not affected.",
        "Close one, such as a tab that is no longer needed, then open another.",
    ),
    "streams_exhausted": Message(
        "The server cannot hold another event stream now.",
        "The streams that are open go on; your data is not affected.",
        _TRY_LATER,
    ),
    "method_not_allowed": Message(
        "The path does not support this method.",
        _UNCHANGED,
        "Use one of the methods in the Allow header.",
    ),
    "body_too_large": Message(
        "The request body is too large.",
        _UNCHANGED,
        "Send less in one request.",
    ),
    "unsupported_media_type": Message(
        "The media type of the body is not supported.",
        _UNCHANGED,
        "Send the body as application/json.",
    ),
    "request_timeout": Message(
        "The request did not arrive in time.",
        _UNCHANGED,
        "Send the whole request again, without a pause.",
    ),
    "headers_too_large": Message(
        "The request's header fields are too large.",
        _UNCHANGED,
        "Send at most 16 KB of header fields, of which cookies may be 4 KB; delete cookies of this site that it does not need.",
    ),
    "idempotency_key_in_use": Message(
        "The first request with this Idempotency-Key is still running.",
        "This one was not carried out, so that nothing happens twice.",
        _TRY_LATER,
    ),
    "idempotency_key_reused": Message(
        "The Idempotency-Key was used for another request.",
        _UNCHANGED,
        "Use a new key for each request that asks for something else.",
    ),
    "internal_error": Message(
        "Something went wrong on our side.",
        "We have been notified; your stored data is unaffected.",
        _MENTION_REQUEST_ID,
    ),
    "not_connected": Message(
        "The CRM is not connected.",
        _UNCHANGED,
        "Connect the CRM first.",
    ),
    "invalid_state": Message(
        "Not possible in the current state.",
        _UNCHANGED,
        "Read the current state again: it says what is possible.",
    ),
    "run_taken_over": Message(
        "The sync changed in the meantime.",
        _UNCHANGED,
        "Read the run again.",
    ),
    "account_busy": Message(
        "Another sync of this CRM account is running.",
        _UNCHANGED,
        "Try again when that sync has ended.",
    ),
    "limit_reached": Message(
        "There cannot be more of these.",
        _UNCHANGED,
        "Delete one that is no longer needed.",
    ),
    "webhook_rejected": Message(
        "The call does not come from the CRM.",
        "Nothing was stored; changes at the CRM arrive with the next sync.",
        "Only the CRM can call this path. If its calls are refused, check the client secret, "
        "ASTRELO_PUBLIC_URL and the server's clock.",
    ),
    "provider_not_configured": Message(
        "This CRM is not set up on this server.",
        "It cannot be connected or synced; stored data is kept.",
        "Ask the operator of this server to set the client id and secret of the CRM.",
    ),
    "secret_unreadable": Message(
        "A stored secret cannot be read.",
        "Your records are kept, but they cannot be refreshed.",
        "Contact us with the request_id; connecting the CRM again also helps.",
    ),
    "store_unavailable": Message(
        "The database is not available.",
        "Your stored data is unaffected.",
        _TRY_LATER,
    ),
    "too_slow": Message(
        "The search took too long and was stopped.",
        "Nothing was changed; other requests are not affected.",
        "Ask for less: add a filter, or give those listed under errors a longer or rarer value.",
    ),
    "too_many_requests": Message(
        "Too many requests at once.",
        "Nothing was read or changed.",
        _TRY_LATER,
    ),
    "crm_rate_limited": Message(
        "The CRM asked us to wait.",
        "Your stored data is unaffected.",
        _TRY_LATER,
    ),
    "crm_unavailable": Message(
        "The CRM is not available.",
        "Your stored data is unaffected.",
        _TRY_LATER,
    ),
    "reauthorization_required": Message(
        "The CRM no longer accepts our access.",
        "Your data is kept, but it is not refreshed until you connect again.",
        "Connect the CRM again.",
    ),
    "crm_permission_missing": Message(
        "A permission is missing at the CRM.",
        "Your stored data is unaffected.",
        "Have an administrator of the CRM grant what is missing, which the detail names, then connect it again.",
    ),
    "grant_rejected": Message(
        "The CRM refused the authorization.",
        "Nothing was connected and nothing was changed.",
        "Start connecting again.",
    ),
    "crm_misconfigured": Message(
        "The CRM refused our application's own credentials.",
        "The fault is ours, not yours; your stored data is unaffected.",
        "Contact us with the request_id.",
    ),
    "crm_rejected": Message(
        "The CRM sent a response that we could not read.",
        "Your stored data is unaffected.",
        _MENTION_REQUEST_ID,
    ),
    "sign_in_link_invalid": Message(
        "This sign-in link was used already, or is too old.",
        "You are not signed in.",
        "Ask for another link where you got this one.",
    ),
    "oauth_state_invalid": Message(
        "This sign-in was not started in this browser, or was already used.",
        _UNCHANGED,
        "Start connecting again and finish in the same browser.",
    ),
    "oauth_state_expired": Message(
        "The sign-in took longer than ten minutes.",
        _UNCHANGED,
        "Start connecting again and finish within ten minutes.",
    ),
    "oauth_denied": Message(
        "The permission was not given.",
        _UNCHANGED,
        "Start connecting again and allow the access.",
    ),
    "oauth_failed": Message(
        "The CRM did not complete the sign-in.",
        _UNCHANGED,
        "Start connecting again in a moment.",
    ),
    "oauth_scope_missing": Message(
        "Not all permissions were given.",
        _UNCHANGED,
        "Start connecting again and grant every permission that is requested.",
    ),
    "oauth_account_mismatch": Message(
        "This is a different account from the connected one.",
        _UNCHANGED,
        "Choose the connected account, or request its replacement: all its data is then deleted.",
    ),
    "oauth_not_configured": Message(
        "This CRM is not set up on this server.",
        "It cannot be connected; stored data is kept.",
        "Ask the operator to set its client credentials.",
    ),
}

ERRORS: Mapping[type[errors.AstreloError], str] = {
    errors.AstreloError: "Something went wrong on our side.",
    errors.NotFound: "There is no {kind} {identifier}.",
    errors.NotConnected: "{crm} is not connected.",
    errors.InvalidTransition: "A {kind} that is {state} cannot be {action}.",
    errors.InvalidInput: "{field}: {reason}.",
    errors.InvalidCursor: "{field} {reason}.",
    errors.CursorExpired: "The change feed no longer reaches back to this cursor.",
    errors.LimitReached: "There can be {limit} {kind} at most.",
    errors.AuthorizationFailed: "{detail}",
    errors.SignInLinkInvalid: "This sign-in link was used already, or is too old.",
    errors.ProviderNotConfigured: "{crm} is not configured: set ASTRELO_{CRM}_CLIENT_ID and ASTRELO_{CRM}_CLIENT_SECRET.",
    errors.TooManyStreams: "{limit} event streams are open already.",
    errors.StreamsExhausted: "The server cannot hold another event stream now.",
    errors.AccountBusy: "Sync {run} waits: another sync of the same CRM account is running.",
    errors.RunTakenOver: "Sync {run} is no longer in the state that you read.",
    errors.WebhookRejected: "The webhook call was refused: {reason}.",
    errors.SecretUnreadable: "A stored secret cannot be read (key {key_id}).",
    errors.StoreUnavailable: "The database is not available: {reason}.",
    errors.QueryTooSlow: "The search took too long and was stopped.",
    errors.TooManyRequests: "Your other requests are still running; {limit} at once may read.",
}
"""What happened in a single case, where it is no CRM's error: the beginning of a problem's detail."""

REQUEST_INCOMPLETE = "The connection closed before the request was complete."
NARROW = "matches too much in this combination; a longer or rarer value narrows it"
NO_SUCH_PATH = "Nothing exists at this path."
NOT_ACCEPTED = "Not accepted: {names}."
VALUE_MISSING = "A required value is missing."
BODY_UNDECODABLE = "The body is not UTF-8, or is nested too deeply."
JSON_ONLY = "This path reads application/json only."
NO_PARAMETERS = "This path takes no query parameters."
KNOWN_PARAMETERS = "Known here: {names}."
PARAMETER_REPEATED = "A parameter is given twice."
VALUE_UNUSABLE = "A value cannot be used."
COOKIE_ALONE = "The session cookie alone does not allow a change."
SIGN_IN_INVALID = "The token has expired or is not valid."
SIGN_IN_MISSING = "The request carries no token."
SCHEMA_BEHIND = (
    "The database's schema is not up to date: run 'astrelo migrate' ({migrations} not applied yet)."
)

# What is wrong with one value of a request: the reason under errors. It continues "This value …".

IS_INVALID = "is not valid"
IS_MISSING = "is missing"
IS_UNKNOWN = "is not known here"
NO_IDEMPOTENCY_KEY = "must be 1 to 255 visible ASCII characters"
IS_NOT_ALLOWED = "is not allowed here"
IS_REPEATED = "is given twice"
IS_UNUSABLE = "cannot be used"
SEE_SCHEMA = "/schema lists the values that exist"
NEEDS_OFFSET = "needs an offset from UTC, such as 2026-01-31T12:00:00Z"
OUT_OF_RANGE = "is out of range"
NO_CURSOR = "is not a next_cursor of this list; leave it out to begin at the start"
NO_FEED_CURSOR = "is not a next_cursor that this feed gave you; leave it out to begin with everything"
CURSOR_OF_ANOTHER_DATABASE = (
    "is from another database, or from before this one was restored; discard your copy and begin without it"
)
NO_RECORD_TYPE = "names a record type that is none of companies, contacts, deals, owners"
URL_TOO_LONG = "must have at most {limit} characters"
URL_NOT_ASCII = (
    "must consist of visible ASCII characters; write an international name with xn--, others as %XX"
)
NO_URL = "is not a URL"
URL_NOT_HTTPS = "must begin with https://"
URL_WITH_CREDENTIALS = "must not contain a user or a password; the signature says who calls"
URL_WITH_FRAGMENT = "must not contain a #"
NO_HOST = "must contain a host name such as hooks.example.com, or an IP address in its usual form"
ADDRESS_NOT_ALLOWED = "must lead to a host on the public internet"
PORT_NOT_ALLOWED = "must use one of the ports {ports}"
NO_WEB_DOMAIN = "is not a web domain, such as acme.com"

# What the page says to a browser that returns from a CRM, apart from the oauth_… problems above.

PAGE_OUTCOMES: Mapping[str, Message] = {
    "connected": Message(
        "{crm} is connected.",
        "Its records are being read now.",
        "Nothing to do: they appear here as they arrive.",
    ),
    "already_connected": Message(
        "{crm} was connected already.",
        _UNCHANGED,
        "Nothing to do.",
    ),
}
PAGE_FAILURES: Mapping[str, Message] = {
    "unknown": Message(
        "Connecting did not work.",
        _UNCHANGED,
        "Try again.",
    ),
    "not_configured": Message(
        "This CRM is not set up on this server: its client credentials are missing.",
        "It cannot be connected.",
        "Ask the operator to set them.",
    ),
}

# What the page shows beside the data: how a record was linked, by the codes of the API's explanations.

LINK_MATCHES: Mapping[CompanyMatch, str] = {
    CompanyMatch.PROVIDER_ID: "Linked by the CRM's own association",
    CompanyMatch.EMAIL_DOMAIN: "Linked by the domain of an e-mail address",
}
SHORT_LINK_MATCHES: Mapping[CompanyMatch, str] = {
    CompanyMatch.PROVIDER_ID: "via the CRM",
    CompanyMatch.EMAIL_DOMAIN: "via e-mail domain",
}
LINK_RULES: Mapping[str, str] = {
    "company_association": "The company that the CRM associates",
    "email_host": "The host of the e-mail address",
    "email_registrable_domain": "The domain of the e-mail address",
    "additional_email_domain": "The domain of a further address",
}
LINK_OUTCOMES: Mapping[str, str] = {
    "linked": "This is its company.",
    "not_associated": "The CRM associates none.",
    "ambiguous": "The CRM associates several and marks none of them as primary.",
    "no_company": "No company here has it.",
    "person_account": "The CRM keeps this contact as a customer of its own, so no company is looked for.",
    "no_email": "There is no e-mail address.",
    "invalid_email": "The e-mail address cannot be read.",
    "free_mail": "Many people share this domain, so it says nothing about a company.",
}
LINK_ASSOCIATIONS: Mapping[CompanyAssociation, str] = {
    CompanyAssociation.PRIMARY: "The CRM marks it as primary.",
    CompanyAssociation.ONLY: "It is the only one that the CRM associates.",
    CompanyAssociation.AMBIGUOUS: "The CRM marks none of them as primary.",
}

# What could not be read or kept, beside the records that it is about.

PAGE_TROUBLES: Mapping[Trouble, str] = {
    Trouble.UNREADABLE: "could not be read",
    Trouble.CUT: "was too long and is cut",
    Trouble.NO_EXCHANGE_RATE: "has no exchange rate",
    Trouble.UNKNOWN_CURRENCY: "is in an unknown currency",
    Trouble.UNKNOWN_OWNER: "is an owner that the CRM does not list",
}
PAGE_REJECTIONS: Mapping[RejectionReason, str] = {
    RejectionReason.MALFORMED: "It does not have the form of a record.",
    RejectionReason.BAD_ID: "It has no usable id.",
    RejectionReason.NO_MODIFIED_TIME: "It does not say when it was last modified.",
}
PAGE_TEXTS: Mapping[str, str] = {
    "unreachable": "The server does not respond. Your data is safe. This page tries again by itself.",
    "not_ours": "Something between this page and the server responded in its place (HTTP {status}). "
    "Your data is safe. Try again in a moment.",
    "sign_in_token": "This page needs a development token. Make one with 'astrelo token --user UUID' and paste it here.",
    "sign_in_link": "Open the sign-in link that your support tool made for you.",
    "read_only": "You are looking at user {user}. You can look at everything here and change nothing.",
    "signed_in_as": "Signed in as {user}",
    "link_question": "You are looking at user {user}. The link shows the user it was made for instead, in all tabs. "
    "Open it only if you asked for it.",
    "overview": "The CRMs that are connected, and how complete their data is.",
    "no_crms": "There is no data yet. Set the client credentials of a CRM; the README lists the settings.",
    "never_complete": "Not complete yet",
    "no_sync_yet": "No sync has run yet.",
    "missing_sync": "This sync is no longer there. Its data may have been deleted.",
    "missing_record": "This record is no longer there. It may have been deleted, here or at its CRM.",
    "none_fits": "Remove a filter, or search for less.",
    "none_yet": "Records appear here as soon as a CRM is connected and a sync reads them.",
    "login_host": "The address of any page there will do",
    "disconnect": "Syncs stop, and our access to the CRM is revoked. What about the data that is here?",
    "keep": "It stays as it is and is no longer refreshed.",
    "purge": "Everything that came from {crm} is deleted here. This cannot be undone. Nothing changes at {crm}.",
    "data_kept": "{crm} is disconnected. Its data is kept.",
    "data_deleted": "{crm} is disconnected and its data is deleted.",
    "company_rule": "Each value comes from the CRM record that was changed last among those that have it.",
    "no_record_has": "No record has: {fields}.",
    "records_rule": "The CRM records that make up this company, the freshest first.",
    "further_records": "Further records are not shown; the API lists them.",
    "icp_fits": "The company meets every criterion of your ideal customer profile.",
    "icp_misses": "The company does not meet every criterion of your ideal customer profile. What is unknown counts as not met.",
    "icp_empty": "Your ideal customer profile has no criteria yet, so every company fits.",
    "contact_rule": "A contact is linked by the CRM's own company first, then by the domain of its e-mail addresses.",
    "deal_rule": "A deal is linked by the company that the CRM associates, and by nothing else.",
    "further_domain": "The domain is a further one of that company.",
    "reconciliation": "Every record that the CRM sent is accounted for: read = repeated + new + updated + unchanged + stale + rejected.",
    "unreadable": "These fields are empty here until the values are corrected at the CRM. Open one for the records.",
    "rejected": "These records are not here, because they lack what every record needs.",
    "some_of": "{shown} of {all} are listed.",
}


def describe(error: errors.AstreloError) -> Message:
    """Return the message about an error that stopped a run."""
    if not isinstance(error, errors.CrmError):
        return CRASHED._replace(happened=what_happened(error))
    if isinstance(error, errors.ReauthorizationRequired):
        return describe_lost_access(error.provider, error.reason)
    message = next(CRM_ERRORS[cls] for cls in type(error).__mro__ if cls in CRM_ERRORS)
    fields = vars(error) | {"crm": error.provider.label}
    if isinstance(error, errors.RateLimited):
        fields["because"] = f": {error.why}" if error.why else ""
    if isinstance(error, errors.PermissionMissing):
        fields["records"] = error.object_type or "owners"
        verb = "are" if len(error.scopes) > 1 else "is"
        fields["missing"] = error.advice or f"{', '.join(error.scopes) or 'a permission'} {verb} missing"
    return message.format(**fields)


def what_happened(error: errors.AstreloError) -> str:
    """Return the first sentence about an error, with what it is about."""
    if isinstance(error, errors.CrmError):
        return describe(error).happened
    template = next(ERRORS[cls] for cls in type(error).__mro__ if cls in ERRORS)
    fields = vars(error)
    if isinstance(error, errors.ProviderNotConfigured | errors.NotConnected):
        fields = fields | {"crm": error.provider.label, "CRM": error.provider.upper()}
    return template.format(**fields)


def describe_lost_access(provider: Provider, reason: str) -> Message:
    """Return why a connection must be authorized again; a reason that is a message already is not wrapped twice."""
    message = ACCESS_LOST.format(crm=provider.label, reason=reason)
    if not reason.endswith("."):
        return message
    happened, _, means = reason.partition(". ")
    return message._replace(happened=f"{happened.removesuffix('.')}.", means=means or message.means)


def describe_left_out(records: str, error: errors.PermissionMissing | errors.CrmRejected) -> Message:
    """Return why one object type, or the owners, was left out of a run."""
    if isinstance(error, errors.PermissionMissing):
        return describe(error)
    return RECORDS_UNREADABLE.format(crm=error.provider.label, records=records, detail=error.detail)
