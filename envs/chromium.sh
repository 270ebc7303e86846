#!/bin/sh
# usage: sh envs/chromium.sh
# Installs the browser Chromium from Debian's packages, for the test that opens the report, if it may. Where it may not,
# it says what to do and succeeds: that test is skipped and says so.
there() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
there > /dev/null && exit 0
if test "$(id -u)" = 0 && command -v apt-get > /dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    install="apt-get install -qq --no-install-recommends chromium"
    $install > /dev/null 2>&1 || { apt-get update -qq && $install > /dev/null; } || true
fi
there > /dev/null || echo "Chromium is not here; the report is not opened. As an administrator: apt-get install chromium."
