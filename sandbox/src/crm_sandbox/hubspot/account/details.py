"""The endpoint of the account details."""

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account


def account_details(account: Account, _request: Request) -> Response:
    return JsonResponse(account.details())


def account_details_v3(account: Account, _request: Request) -> Response:
    return JsonResponse(account.details_v3())
