"""Open pages of the dashboard again and again until a file appears; prints every exception a page shows."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("pages/start/home.py", "pages/audience/lists.py", "pages/audience/data.py", "pages/reporting/efficiency.py")


def main(stop: Path) -> None:
    """Run until `stop` exists, each page at least once."""
    rounds = 0
    while rounds == 0 or not stop.exists():
        for page in PAGES:
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
            app.switch_page(page).run()
            for exception in app.exception:
                print(f"{page}: {exception.value}", flush=True)
            for error in app.error:
                print(f"{page}: {error.value}", flush=True)
        rounds += 1
    print(f"{rounds} rounds", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
