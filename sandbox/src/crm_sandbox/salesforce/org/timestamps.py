"""Timestamps in whole seconds since the epoch, in the two formats of Salesforce's APIs."""

import datetime as dt


def format_rest_datetime(seconds: float) -> str:
    """Return `2026-05-01T07:25:37.000+0000`: an offset without a colon."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def format_csv_datetime(seconds: float) -> str:
    """Return `2026-05-01T07:25:37.000Z`, as in CSV of the Bulk API and in dataset files."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _utc(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
