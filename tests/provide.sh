#!/bin/sh
# Provides what the tests need beside Python packages: a Chromium and a PostgreSQL server.
# As root on a Debian system both come from its packages; elsewhere Chromium comes from Playwright.
set -eu
bin=$1

have_chromium() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
        ls "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium* >/dev/null 2>&1
}
have_postgres() { command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
can_apt() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

wanted=
have_chromium || wanted="$wanted chromium"
have_postgres || wanted="$wanted postgresql"
[ -z "$wanted" ] && exit 0

if can_apt; then
    echo "Installing$wanted ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -y -qq --no-install-recommends $wanted >/dev/null
    exit 0
fi
have_chromium || "$bin/python" -m playwright install chromium
have_postgres || echo "No PostgreSQL server here: the tests of that store will fail until one is installed." >&2
