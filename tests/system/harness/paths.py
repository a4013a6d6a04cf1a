# SPDX-License-Identifier: BSD-2-Clause
"""Where the things under test are."""
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("KODAMA_BUILD", TOP / "build")).resolve()
ETC = TOP / "etc"
KODAMA = BUILD / "kodama"
KODAMAD = BUILD / "kodamad"

# Under sanitizers everything takes its time: deadlines are limits for what hangs, not measurements.
DEADLINE_S = 30


def run(*command, check=True, **options):
    """Runs a program to its end; its output, as text unless `text=False`, is in the result."""
    options.setdefault("text", True)
    options.setdefault("timeout", 120)
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def reachable(path):
    """The folder, opened with those above it that pytest made: other users are to get there."""
    for folder in (path, path.parent, path.parent.parent):
        folder.chmod(0o755)
    return path


def kodama(*arguments, etc=ETC, **options):
    """The command, with the shipped rules unless told otherwise."""
    return run(KODAMA, arguments[0], "--etc", etc, *arguments[1:], **options)
