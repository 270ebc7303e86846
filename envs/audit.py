"""Ask pip-audit whether a published weakness is known of what is installed, and never take silence for safety.

usage: python envs/audit.py PYTHON PIP_AUDIT    PYTHON: whose packages; PIP_AUDIT: the program
"""

from __future__ import annotations

import json
import subprocess
import sys


def verdict(printed: str) -> tuple[int, list[str]]:
    """Exit status and lines to print, from what pip-audit printed as JSON.

    Parameters
    ----------
    printed : str
        Empty or no JSON where it could not reach its database.

    Returns
    -------
    status : int
        0: every package was looked up, none has a known weakness; 1: one has; 2: nothing, or not all, was looked up.
    lines : list of str
    """
    try:
        packages = json.loads(printed)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 2, [
            "Not audited: the database of known weaknesses cannot be reached. Run `make audit` with a network."
        ]
    weak = [
        f"{one['name']} {one['version']}: {found['id']}" for one in packages for found in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    lines = [
        *weak,
        f"{len(packages) - len(unknown)} of {len(packages)} packages looked up, {len(weak)} weaknesses known.",
    ]
    if unknown:
        lines.append(f"Not audited, since the database does not have them: {', '.join(unknown)}")
    return (1 if weak else 2 if unknown else 0), lines


def main(python: str, program: str) -> int:
    """Audit the packages of an interpreter."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    command = [program, "--path", packages.stdout.strip(), "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    status, lines = verdict(done.stdout)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
