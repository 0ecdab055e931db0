"""Portals: what an account holds when a sandbox starts, from a file or made up.

Their common tongue is HubSpot's: a file is told in its words, or in Salesforce's own, and a made-up one always in
HubSpot's. Salesforce presents such a dataset as an org, so both CRMs can be played from the same records.
"""

from crm_sandbox.datasets.dataset import Association, Dataset, DatasetError, DatasetRecord
from crm_sandbox.datasets.record_formats import HUBSPOT, SALESFORCE, RecordFormat

__all__ = ["HUBSPOT", "SALESFORCE", "Association", "Dataset", "DatasetError", "DatasetRecord", "RecordFormat"]
