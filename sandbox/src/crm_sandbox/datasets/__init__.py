"""Datasets: what an account holds when a sandbox starts, from a file or made up.

A file has HubSpot's record format or Salesforce's, a made-up dataset always HubSpot's. Salesforce presents such a
dataset as an org, so that both CRMs can be simulated with the same records.
"""

from crm_sandbox.datasets.dataset import Association, Dataset, DatasetError, DatasetRecord
from crm_sandbox.datasets.record_formats import HUBSPOT, SALESFORCE, RecordFormat

__all__ = ["HUBSPOT", "SALESFORCE", "Association", "Dataset", "DatasetError", "DatasetRecord", "RecordFormat"]
