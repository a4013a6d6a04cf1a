# SPDX-License-Identifier: BSD-2-Clause
"""The way to a PostgreSQL on another host: TLS and a password (SCRAM), both by the URI alone."""
import shutil

import pytest

from harness.kodamad import Kodamad
from harness.mta import free_port
from harness.paths import kodama, reachable, run
from harness.postgresql import PostgreSQL

PASSWORD = "s3cret-of-the-fleet"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = reachable(tmp_path_factory.mktemp("g"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", home / "server.key", "-out", home / "server.crt")
    database = PostgreSQL(home / "p", password=PASSWORD, port=free_port())
    for name in ("server.key", "server.crt"):
        shutil.copy(home / name, database.home / name)
        shutil.chown(database.home / name, database.user.pw_uid, database.user.pw_gid)
        (database.home / name).chmod(0o600)
    database.certificate = home / "server.crt"
    database.start(settings=("fsync=off", "listen_addresses=127.0.0.1", "ssl=on",
                             f"ssl_cert_file={database.home}/server.crt", f"ssl_key_file={database.home}/server.key"))
    yield database
    database.stop()


@pytest.fixture
def node(scratch):
    with Kodamad(scratch / "k") as daemon:
        yield daemon


def get_uri(server, password=PASSWORD, certificate=None):
    return (f"postgresql://kodama:{password}@localhost:{server.port}/postgres?hostaddr=127.0.0.1"
            f"&sslmode=verify-full&sslrootcert={certificate or server.certificate}")


def test_tls_and_scram_by_the_uri(server, node):
    node.configure(f'store {{ uri = "{get_uri(server)}" }}\n')
    node.start()
    node.add("gone@example.com")
    assert node.get_suppressed() == ["gone@example.com"]
    # the writer, and the follower of changes
    assert {tuple(row) for row in server.get("select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'kodama'")} == {("t",)}
    assert PASSWORD not in node.log + node.kodama("config", "show").stdout + node.kodama("status").stdout


@pytest.mark.parametrize("password, why", [("wrong", "password authentication failed"), (PASSWORD, "certificate")])
def test_a_wrong_password_or_another_server_is_refused(server, node, scratch, password, why):
    other = scratch / "other.crt"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", scratch / "other.key", "-out", other)
    other.chmod(0o644)
    node.configure(f'store {{ uri = "{get_uri(server, password, server.certificate if password == "wrong" else other)}" }}\n')
    assert node.spawn().wait_end() == 1
    assert why in node.log and password not in node.log
    told = kodama("suppress", "list", etc=node.etc, check=False)
    assert told.returncode == 1 and why in told.stderr and password not in told.stderr
