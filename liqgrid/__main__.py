"""``python -m liqgrid``."""

from liqgrid.cli.main import main

main()
