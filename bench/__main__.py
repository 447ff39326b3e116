"""`python -m bench NAME [--quick] [--json]`: run one benchmark and print its ratios."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime

NAMES = ("segments", "collector", "ingest", "send", "report")


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, for a first look")
    parser.add_argument("--json", action="store_true", help="one line per measure: name, ours, theirs, unit, ratio")
    options = parser.parse_args(arguments)

    measures = importlib.import_module(f"bench.{options.name}").run(options.quick)
    if options.json:
        for measure in measures:
            print(json.dumps(measure._asdict()))
        return 0
    size = "quick" if options.quick else "full"
    print(
        f"{options.name} ({size}), {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
    width = max(len(measure.name) for measure in measures)
    print(f"{'':{width}}  {'ours':>12}  {'theirs':>12}  {'unit':8}  ratio ours/theirs")
    for measure in measures:
        figures = f"{measure.ours:12,.3f}  {measure.theirs:12,.3f}  {measure.unit:8}  {measure.ratio:.2f}"
        print(f"{measure.name:{width}}  {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
