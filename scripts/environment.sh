# shellcheck shell=bash
# The project's Python environment: `.venv` beside `run`. Sourced by `run` and `test`; bash 3.2 is enough.
#
#   make_environment ROOT       liqgrid and what it needs
#   make_environment ROOT dev   and what the tests need, the Python client of `client` with it
#
# Where nothing is to be done it reads two small files and says nothing. Its own files in .venv:
#   .liqgrid-run .liqgrid-dev   where, and from which pyproject.toml files, it was installed; written last
#   .liqgrid-making             an installation is under way; if nobody is installing, one was cut off

unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

say() { printf 'liqgrid: %s\n' "$*" >&2; }

make_environment() {
    local root=$1 kind=${2:-run}
    local venv=$root/.venv stamp
    stamp=$(printf '%s\n' "$root"; cat "$root/pyproject.toml" &&
        { [ ! -f "$root/client/pyproject.toml" ] || cat "$root/client/pyproject.toml"; }) || exit 1
    environment_is_current && return 0

    local python
    python=$(find_python)
    if [ -z "$python" ] && ! command -v uv >/dev/null; then
        say "needs Python 3.11 or newer with its venv module (on Debian and Ubuntu the package python3-venv), or uv." \
            "Neither is on the PATH."
        exit 2
    fi

    # The lock is on this file itself: nothing to clean up, and the system lets go of it whatever kills us.
    (
        hold_lock
        environment_is_current || install_environment
    ) 9<"$root/scripts/environment.sh" || exit $?
}

# Of a user who has the test tools, `run` asks no more.
environment_is_current() {
    local name
    [ -x "$venv/bin/python" ] && [ ! -e "$venv/.liqgrid-making" ] || return 1
    for name in dev "$kind"; do
        [ ! -f "$venv/.liqgrid-$name" ] || [ "$(cat "$venv/.liqgrid-$name")" != "$stamp" ] || return 0
    done
    return 1
}

# The first Python that will do, or nothing.
find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_suitable "$candidate" 'import ensurepip, venv'; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
}

is_suitable() {
    "$1" -I -c "${2:-}
import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1
}

hold_lock() {
    local code='import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if command -v flock >/dev/null; then
        flock -n 9 || { say "another process is making the environment; waiting for it"; flock 9; }
    elif [ -n "$python" ]; then
        "$python" -I -c "$code"
    else
        uv run --quiet --no-project python -I -c "$code"
    fi || say "this file system has no locks; going on without"
}

install_environment() {
    trap 'exit 130' INT TERM HUP # leaves .liqgrid-making behind
    local started=$SECONDS targets=(--editable .)
    [ "$kind" != dev ] || targets=(--editable '.[dev]' --editable './client[pandas,polars]')

    if [ -e "$venv/.liqgrid-making" ]; then
        say "an earlier installation was cut off; starting again"
        remove_environment || return 1
    elif was_moved; then
        say "the project was moved; making its environment again"
        remove_environment || return 1
    elif [ -e "$venv" ] && ! is_suitable "$venv/bin/python"; then
        say "the Python of .venv is gone or too old; making it again"
        remove_environment || return 1
    fi

    cd "$root" || return 1
    mkdir -p "$venv" && : >"$venv/.liqgrid-making" || return 1
    rm -f "$venv/.liqgrid-run" "$venv/.liqgrid-dev"
    if [ "$kind" = dev ]; then
        say "installing liqgrid and its test tools into .venv (once, a minute or two)"
    else
        say "installing liqgrid into .venv (once, a minute or two)"
    fi
    if install_with_uv || install_with_pip; then
        printf '%s\n' "$stamp" >"$venv/.liqgrid-$kind.part" &&
            rm -f "$venv/.liqgrid-making" &&
            mv "$venv/.liqgrid-$kind.part" "$venv/.liqgrid-$kind" || return 1
        # Compiled now, the replay keeps nobody waiting later; where it cannot be, it is at the first build.
        "$venv/bin/python" -m liqgrid.engine.model.warm >/dev/null 2>&1 || :
        say "ready after $((SECONDS - started)) s"
    else
        # The installer itself gave up, and left behind what was there before.
        [ ! -x "$venv/bin/python" ] || rm -f "$venv/.liqgrid-making"
        say "could not install; the lines above say why. The same command tries again."
        return 1
    fi
}

# Paths are written into an environment, so it does not survive a move.
was_moved() {
    local name first
    for name in run dev; do
        [ -f "$venv/.liqgrid-$name" ] || continue
        read -r first <"$venv/.liqgrid-$name"
        [ "$first" = "$root" ] || return 0
    done
    return 1
}

# Cut off half way, this leaves something without bin/python, which the next start removes.
remove_environment() {
    rm -rf "${venv:?}/bin" && rm -rf "${venv:?}"
}

install_with_uv() {
    command -v uv >/dev/null || return 1
    if [ -x "$venv/bin/python" ] || uv venv --quiet --allow-existing --python '>=3.11' "$venv"; then
        uv pip install --quiet --compile-bytecode --python "$venv/bin/python" "${targets[@]}" && return 0
    fi
    say "uv could not; trying pip"
    return 1
}

install_with_pip() {
    unset PIP_USER PIP_TARGET PIP_PREFIX
    if [ ! -x "$venv/bin/python" ]; then
        [ -n "$python" ] || return 1
        "$python" -I -m venv "$venv" >&2 || return 1
    fi
    "$venv/bin/python" -I -m pip --version >/dev/null 2>&1 ||
        "$venv/bin/python" -I -m ensurepip >/dev/null || return 1
    "$venv/bin/python" -I -m pip install --quiet --quiet --disable-pip-version-check --no-input "${targets[@]}" >&2
}
