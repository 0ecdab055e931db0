"""`python -m astrelo`: the same as the `astrelo` command."""

from astrelo.bootstrap.cli import main

main()
