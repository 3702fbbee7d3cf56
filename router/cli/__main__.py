"""`python -m router.cli`: the command without its console script."""

from router.cli import main

main()
