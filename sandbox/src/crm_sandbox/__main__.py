"""`python -m crm_sandbox`: the same as the `crm-sandbox` command."""

from crm_sandbox.cli import main

main()
