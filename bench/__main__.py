"""`python -m bench NAME... [--quick] [--json]`: run benchmarks, or `all`, and print their ratios."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

from bench.tools import missing

NAMES = ("segments", "collector", "ingest", "send", "report")


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, each of several in a process of its own; returns the exit code.

    Before anything is measured every program that one of them lacks is named; the exit code is 2 then.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="+", choices=(*NAMES, "all"), metavar="NAME", help=", ".join((*NAMES, "all")))
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, for a first look")
    parser.add_argument("--json", action="store_true", help="one line per measure: name, ours, theirs, unit, ratio")
    options = parser.parse_args(arguments)

    names = list(NAMES if "all" in options.names else dict.fromkeys(options.names))
    lacking = missing(names)
    if lacking is not None:
        print(lacking, file=sys.stderr)
        return 2
    if len(names) == 1:
        _measure(names[0], options.quick, options.json)
        return 0
    flags = [flag for flag, wanted in (("--quick", options.quick), ("--json", options.json)) if wanted]
    codes = [subprocess.run([sys.executable, "-m", "bench", name, *flags], check=False).returncode for name in names]
    return 1 if any(codes) else 0


def _measure(name: str, quick: bool, as_json: bool) -> None:
    measures = importlib.import_module(f"bench.{name}").run(quick)
    if as_json:
        for measure in measures:
            print(json.dumps(measure._asdict()))
        return
    size = "quick" if quick else "full"
    print(
        f"{name} ({size}), {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
    width = max(len(measure.name) for measure in measures)
    print(f"{'':{width}}  {'ours':>12}  {'theirs':>12}  {'unit':8}  ratio ours/theirs")
    for measure in measures:
        figures = f"{measure.ours:12,.3f}  {measure.theirs:12,.3f}  {measure.unit:8}  {measure.ratio:.2f}"
        print(f"{measure.name:{width}}  {figures}")


if __name__ == "__main__":
    sys.exit(main())
