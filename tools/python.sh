# Shared by the scripts beside it, which set $root, the checkout: finding a Python, and the set-up by prepare.py.

# Whether the virtual environment $1 was set up completely from the files as they are now. Kept to a few milliseconds,
# because every tools/run goes through here; prepare.py writes the stamp.
is_ready() {
    [ -x "$1/bin/python" ] && [ -f "$1/oggstream.stamp" ] && {
        printf '%s\n' "$root" "$(readlink -f "$1/bin/python")"
        sed '/^\[tool/,$d' "$root/pyproject.toml"
        cat "$root/tools/constraints.txt" "$root/tools/prepare.py" "$root/tools/machine.py" "$root/tools/extension.py" \
            "$root/src/oggstream/sinks/callback.c"
    } | cmp -s - "$1/oggstream.stamp"
}

is_suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

# Print any suitable Python. prepare.py looks for the best one.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_suitable "$PYTHON" && echo "$PYTHON" && return
        echo "oggstream: error: PYTHON=$PYTHON is not Python 3.11 to 3.14" >&2
        return 1
    fi
    for python in python3 python python3.14 python3.13 python3.12 python3.11; do
        is_suitable "$python" && echo "$python" && return
    done
    for python in "$(pyenv root 2>/dev/null)"/versions/*/bin/python3; do
        is_suitable "$python" && echo "$python" && return
    done
    echo "oggstream: error: no Python 3.11 to 3.14 found: install one (Debian and Ubuntu: apt-get install python3" \
        "python3-venv; macOS: brew install python; Windows: winget install Python.Python.3.13), or name one: PYTHON=PATH" >&2
    return 1
}

# Set up what prepare.py's `main` is told by $@, and print the Python of each environment, a line each.
prepare() {
    any_python=$(find_python) || return 1
    "$any_python" -c 'import sys
sys.path.insert(0, sys.argv.pop(1))
from tools.prepare import main
sys.exit(main(sys.argv[1:]))' "$root" "$@" </dev/null
}
