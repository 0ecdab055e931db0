"""Strict, stateful CRMs for development, demos and tests, simulated over HTTP.

Each CRM is a package of its own and an ASGI application. What they share is here: the file format of an account's
records, faults and their plans, the socket (`serve`, `serve_in_thread`) and the way in process (`SandboxTransport`).
reference.md is the documentation.
"""

from crm_sandbox.datasets import Association, Dataset, DatasetError, DatasetRecord
from crm_sandbox.faults.fault import Fault
from crm_sandbox.faults.plan import FailureProfile, FaultPlan, FaultPlanError, Rule
from crm_sandbox.http.server import serve, serve_in_thread
from crm_sandbox.http.transport import SandboxTransport

__all__ = [
    "Association",
    "Dataset",
    "DatasetError",
    "DatasetRecord",
    "FailureProfile",
    "Fault",
    "FaultPlan",
    "FaultPlanError",
    "Rule",
    "SandboxTransport",
    "serve",
    "serve_in_thread",
]
