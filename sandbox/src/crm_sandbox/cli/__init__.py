from crm_sandbox.cli.command import main

__all__ = ["main"]
