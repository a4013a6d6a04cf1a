# SPDX-License-Identifier: BSD-2-Clause
"""Options and the fixtures that system tests and cases share."""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "system"))

from harness.kodamad import Kodamad  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="rewrite what the cases and golden files want")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if os.geteuid() != 0:
        raise pytest.UsageError("the system tests need root: Postfix does")
    if not config.option.basetemp:
        # pytest's own folder is closed to other users again and again, by each pytest that starts
        config.option.basetemp = tempfile.mkdtemp(prefix="kodama-")


def pytest_unconfigure(config):
    if pathlib.Path(config.option.basetemp).name.startswith("kodama-"):
        shutil.rmtree(config.option.basetemp, ignore_errors=True)


@pytest.fixture
def update(request):
    return request.config.getoption("--update")


@pytest.fixture
def scratch(tmp_path_factory):
    """A folder that the users of Postfix and Kodama can reach: pytest's own is for its owner alone."""
    path = tmp_path_factory.mktemp("t")
    for folder in (path, path.parent, path.parent.parent):
        folder.chmod(0o755)
    return path


@pytest.fixture
def kodamad(scratch):
    """A daemon that is ready, with an empty store; no Postfix."""
    with Kodamad(scratch / "kodama") as daemon:
        daemon.start()
        yield daemon
