"""The harness. Tests take `centre` (a fresh one each, on SQLite, on PostgreSQL, and as two servers on one PostgreSQL),
`centre_factory` (for odd ones: a simulation, other settings), `store_url`, `agent` (a new agent of protocol_agent.py) and
`real_agent` (khien-agent with a state folder and a root folder of its own).

  --stores sqlite,pg,two   which stores (all of them by default)"""
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import api_spec
import centre as centre_module
import real_agent as real_agent_module
from processes import TOP
from protocol_agent import Agent

STORES = ("sqlite", "pg", "two")
api_spec.watch(centre_module.Api)  # every answer of the API, in whatever test, must be what openapi.yaml promises


def pytest_addoption(parser):
    parser.addoption("--stores", default=os.environ.get("KHIEN_STORES", ",".join(STORES)),
                     help="comma-separated: sqlite, pg, two (two servers on one PostgreSQL)")


def pytest_configure(config):
    config.addinivalue_line("markers", "stores(*names): run on these stores only, with the reason why")


def chosen_stores(metafunc, possible):
    chosen = [s for s in metafunc.config.getoption("--stores").split(",") if s in possible]
    marker = metafunc.definition.get_closest_marker("stores")
    return [s for s in chosen if not marker or s in marker.args]


def pytest_generate_tests(metafunc):
    if "store_kind" in metafunc.fixturenames:
        possible = STORES if {"centre", "centre_factory"} & set(metafunc.fixturenames) else STORES[:2]
        metafunc.parametrize("store_kind", chosen_stores(metafunc, possible))


class Postgres:
    """A PostgreSQL of the session's own, by tools/pg-temp; each test gets a fresh database. It ends with this process, however
    that ends: nobody else holds the other end of its standard input."""

    def __init__(self):
        # PostgreSQL's user must reach it, which pytest's own folder does not let it, and its socket's path be short
        self.folder = Path(tempfile.mkdtemp(prefix="khien-pg-", dir="/tmp"))
        self.url = self.lease = None

    def start(self):
        self.lease = subprocess.Popen([TOP / "tools/pg-temp", "lease", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, start_new_session=True)
        self.url = self.lease.stdout.readline().strip()
        assert self.url, "PostgreSQL did not start"

    def stop(self):
        if self.lease:
            self.lease.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, what):
        subprocess.run([TOP / "tools/pg-temp", what, self.folder], check=True, capture_output=True)

    def kill(self):
        self.tool("kill")

    def start_again(self):
        self.tool("again")

    def database(self):
        if not self.url:
            self.start()
        name = f"khien_{secrets.token_hex(6)}"
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", self.url, "-c", f"create database {name}"], check=True, capture_output=True)
        head, _, options = self.url.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{options}" if options else "")


@pytest.fixture(scope="session")
def pg():
    postgres = Postgres()
    yield postgres
    postgres.stop()


@pytest.fixture
def mortal_pg():
    """One that a test may kill."""
    postgres = Postgres()
    yield postgres
    postgres.stop()


@pytest.fixture
def make_store(store_kind, pg, tmp_path):
    def make():
        if store_kind == "sqlite":
            return f"sqlite:{tmp_path}/khien-{secrets.token_hex(4)}.db"
        return pg.database()
    return make


@pytest.fixture
def store_url(make_store):
    return make_store()


@pytest.fixture
def centre_factory(make_store, store_kind, tmp_path):
    """centre_factory(simulation=True, settings={…}): starts one more centre; all are stopped behind the test."""
    opened = []

    def make(**options):
        folder = tmp_path / f"centre-{len(opened)}"
        context = centre_module.running(centre_module.Centre(folder, make_store(), servers=2 if store_kind == "two" else 1, **options))
        c = context.__enter__()
        opened.append(context)
        return c

    yield make
    problems = []
    for context in reversed(opened):
        try:
            context.__exit__(None, None, None)
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def centre(centre_factory):
    return centre_factory()


@pytest.fixture
def two_centres(pg, tmp_path):
    """Two khien-servers on one PostgreSQL, for tests that speak to a certain one: centre.address("agents", 1)."""
    with centre_module.running(centre_module.Centre(tmp_path / "centre", pg.database(), servers=2)) as c:
        yield c


@pytest.fixture
def agent(centre):
    """agent("SNV-VP-001"): an agent that is enrolled and has synced once, by a one-time token (or the one given)."""
    def make(name=None, hw=None, node_id=1, token=None, sync=True):
        a = Agent(centre, name or f"MAY-{secrets.token_hex(3)}", hw)
        a.enrol(token or centre.token(node_id))
        return a.sync() if sync else a
    return make


@pytest.fixture
def real_agent(centre, tmp_path):
    """real_agent(host_name="SNV-VP-001"): khien-agent, started, not enrolled."""
    def make(**machine):
        a = real_agent_module.RealAgent(centre, tmp_path / f"agent-{secrets.token_hex(4)}", **machine)
        centre.others.append(a.process)
        return a.start()
    return make
