"""SOQL over the REST API."""
