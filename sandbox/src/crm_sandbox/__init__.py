"""Strict, stateful CRMs for development, demos and tests. The sandbox imports nothing of the rest of Astrelo.

Each CRM is a package of its own and an ASGI application. What they share is here: the file format of an account's
records, faults and their plans, the socket (`serve`, `serve_in_thread`) and the way in process (`SandboxTransport`).
docs/sandbox.md tells how to use it.
"""

from astrelo.sandbox.fault_plan import FaultPlan, FaultPlanError, IndexMoods, Rule
from astrelo.sandbox.faults import Fault
from astrelo.sandbox.portals import Association, Portal, PortalError, PortalRecord
from astrelo.sandbox.server import serve, serve_in_thread
from astrelo.sandbox.transport import SandboxTransport

__all__ = [
    "Association",
    "Fault",
    "FaultPlan",
    "FaultPlanError",
    "IndexMoods",
    "Portal",
    "PortalError",
    "PortalRecord",
    "Rule",
    "SandboxTransport",
    "serve",
    "serve_in_thread",
]
