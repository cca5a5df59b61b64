"""`python -m handgrad.cli` is the command `handgrad`."""

from handgrad.cli import main

main()
