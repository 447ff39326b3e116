"""`python -m analytics.cli`: the command where no script `shelduck` is on the path."""

from analytics.cli.main import run

run()
