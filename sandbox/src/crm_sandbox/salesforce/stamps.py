"""Moments in whole seconds since the epoch, as Salesforce writes them in its two ways."""

import datetime as dt


def as_rest(seconds: float) -> str:
    """Return `2026-05-01T07:25:37.000+0000`: an offset without a colon."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def as_bulk(seconds: float) -> str:
    """Return `2026-05-01T07:25:37.000Z`, as in CSV; dataset files tell moments so too."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _utc(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
