# What the scripts of this folder share: they source this file, and then run in the root of the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

# Make .venv-tools, an environment with tools that no user of the package needs.
make_tools() {
    if [ ! -x .venv-tools/bin/uv ]; then
        python3 -m venv .venv-tools
        .venv-tools/bin/pip install -q "uv>=0.9" "build>=1.3" "twine>=6.2"
    fi
}
