"""A centre in a temporary folder: khien-ca, and one khien-server or two on one database. And the API's client."""
import contextlib
import itertools
import json
import secrets
import shutil
import urllib.parse
from pathlib import Path

import requests
import requests.adapters

from processes import Process, environment, free_port, listening, program, run, stop_all, wait_until
from protocol_agent import server_chain, spki_hash

ADMIN_FIRST_PASSWORD = "first-password-of-the-admin"
ADMIN_PASSWORD = "kho-doan-7-chu-so"


class ApiError(AssertionError):
    def __init__(self, response):
        super().__init__(f"{response.request.method} {response.request.path_url}: {response.status_code} {response.text[:500]}")
        self.response = response


class Api:
    """Calls return requests' response; the short forms get() … return its JSON and raise on anything but 2xx."""

    def __init__(self, base, ca_file, token=None):
        self.base, self.session = base, requests.Session()
        self.session.verify = str(ca_file)
        self.session.trust_env = False
        self.token = token

    def call(self, method, path, body=None, data=None, headers=None, timeout=60, **query):
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        base = self.base() if callable(self.base) else self.base
        query = {k: v for k, v in query.items() if v is not None}
        return self.session.request(method, base + path, data=data, headers=headers, params=query, timeout=timeout)

    def must(self, method, path, *args, **more):
        response = self.call(method, path, *args, **more)
        if not 200 <= response.status_code < 300:
            raise ApiError(response)
        return response.json() if response.content and "json" in response.headers.get("Content-Type", "") else response.text

    def get(self, path, **query):
        return self.must("GET", path, **query)

    def post(self, path, body=None, **more):
        return self.must("POST", path, {} if body is None and "data" not in more else body, **more)

    def put(self, path, body, **more):
        return self.must("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.must("DELETE", path, **more)

    def sign_in(self, name, password):
        """The session's text stands in the cookie alone; a program sends it as its bearer."""
        self.token = None
        response = self.call("POST", "/api/v1/session", {"name": name, "password": password})
        if response.status_code != 201:
            raise ApiError(response)
        self.token = response.cookies["__Host-khien"]
        self.session.cookies.clear()
        return self

    def change_password(self, current, new):
        self.must("POST", "/api/v1/password", {"current": current, "new": new})
        return self

    def script_token(self, *may, node=1, seconds=3600, label="test"):
        return self.must("POST", "/api/v1/tokens", {"label": label, "may": list(may), "node": node, "lifetime_s": seconds})["token"]

    def another(self, token=None):
        return Api(self.base, self.session.verify, token)


class Centre:
    """folder/ca, folder/server-N, folder/run. With two servers each address is the next server's in turn, so that no
    test can rest on one process's memory without noticing."""

    def __init__(self, folder, store, servers=1, simulation=False, province="Tỉnh Đồng Tháp", settings=None,
                 ca_settings=None, user=None):
        self.folder, self.store, self.simulation, self.province = Path(folder), store, simulation, province
        self.settings, self.ca_settings = settings or {}, ca_settings or {}
        self.as_user = ["--user", user] if user else []
        self.ports = [{name: free_port() for name in ("enrol", "agents", "console")} for _ in range(servers)]
        self.turn = itertools.cycle(range(servers))
        self.run_folder = self.folder / "run"
        self.ca_file = self.folder / "ca.pem"
        self.others = []  # agents and the like that a test has started here; ended first
        for name in ("run", "ca", *(f"server-{i}" for i in range(servers))):
            (self.folder / name).mkdir(parents=True, mode=0o755)
            if user and name.startswith("server"):
                shutil.chown(self.folder / name, user)
        self.ca = Process("khien-ca", [program("khien-ca"), "--config", self.write_ca_config()], self.folder / "ca.log",
                          env=environment(leaks=False))
        self.servers = [Process(f"khien-server-{i}", [program("khien-server"), "--config", self.write_config(i), *self.as_user],
                                self.folder / f"server-{i}.log") for i in range(servers)]
        self.admin = None

    # Configuration

    def write_ca_config(self):
        return self.write("ca/ca.conf", {"state": self.folder / "ca", "socket": self.run_folder / "ca.sock",
                                         "names": "127.0.0.1, localhost", **self.ca_settings})

    def write_config(self, i):
        ports = self.ports[i]
        return self.write(f"server-{i}/khien-server.conf", {
            "state": self.folder / f"server-{i}", "store": self.store,
            "store_key": self.folder / "store.key", "ca_socket": self.run_folder / "ca.sock",
            "enrol": f"127.0.0.1:{ports['enrol']}", "agents": f"127.0.0.1:{ports['agents']}",
            "console": f"127.0.0.1:{ports['console']}", "names": "127.0.0.1, localhost", **self.settings})

    def write(self, name, pairs):
        path = self.folder / name
        path.write_text("".join(f"{k} = {v}\n" for k, v in pairs.items()))
        path.chmod(0o600)
        return path

    # Life

    def start(self):
        server = [program("khien-server"), "--config", self.folder / "server-0/khien-server.conf", *self.as_user]
        run([*server, "--create", self.province, *(["--simulation"] if self.simulation else [])], check=True)
        run([*server, "--administrator", "admin"], stdin=ADMIN_FIRST_PASSWORD + "\n", check=True)
        self.ca.start()
        self.ca.wait_for(lambda: (self.run_folder / "ca.sock").exists())
        for i in range(len(self.servers)):
            self.start_server(i)
        root = server_chain(self.address("console", 0))[-1]
        assert root.issuer == root.subject
        self.pin = spki_hash(root)
        self.ca_file.write_bytes(self.root_pem())
        self.admin = self.api().sign_in("admin", ADMIN_FIRST_PASSWORD).change_password(ADMIN_FIRST_PASSWORD, ADMIN_PASSWORD)
        return self

    def root_pem(self):
        from cryptography.hazmat.primitives import serialization
        return server_chain(self.address("console", 0))[-1].public_bytes(serialization.Encoding.PEM)

    def start_server(self, i=0):
        server = self.servers[i].start()
        server.wait_for(lambda: all(listening(self.address(name, i)) for name in self.ports[i]))

    def stop(self):
        others, self.others = self.others, []
        stop_all([*reversed(others), *self.servers, self.ca])

    def kill_server(self, i=0):
        self.servers[i].kill()

    def restart_server(self, i=0, kill=False):
        if kill:
            self.servers[i].kill()
        else:
            self.servers[i].stop()
        self.start_server(i)

    def restart_ca(self, kill=False):
        if kill:
            self.ca.kill()
        else:
            self.ca.stop()
        (self.run_folder / "ca.sock").unlink(missing_ok=True)
        self.ca.start()
        self.ca.wait_for(lambda: (self.run_folder / "ca.sock").exists())

    # Addresses

    def address(self, name, server=None):
        return "127.0.0.1", self.ports[next(self.turn) if server is None else server][name]

    @property
    def enrol_address(self):
        return self.address("enrol")

    @property
    def agents_address(self):
        return self.address("agents")

    def url(self, name="console", server=None):
        return "https://%s:%d" % self.address(name, server)

    def api(self, server=None):
        """A client without an account; over all servers in turn, or on one."""
        return Api(lambda: self.url("console", server), self.ca_file)

    # What many tests need

    def token(self, node_id=1, uses=1, seconds=3600, note="test"):
        return self.admin.post("/api/v1/enrolment-tokens", {"node": node_id, "uses": uses, "lifetime_s": seconds, "note": note})["token"]

    def account(self, role, node_id=1, name=None):
        """A signed-in API client with that role on that node."""
        name, first, password = name or f"u{secrets.token_hex(4)}", secrets.token_hex(10), secrets.token_hex(10)
        self.admin.post("/api/v1/accounts", {"name": name, "password": first, "role": role, "node": node_id})
        return self.api().sign_in(name, first).change_password(first, password)

    def group(self, code, name=None, **more):
        return self.admin.post("/api/v1/units", {"kind": "group", "code": code, "name": name or code, "parent": 1, **more})["id"]

    def unit(self, code, parent, name=None, **more):
        return self.admin.post("/api/v1/units", {"kind": "unit", "code": code, "name": name or code, "parent": parent, **more})["id"]

    def log(self):
        return "".join(p.text() for p in (*self.servers, self.ca))


@contextlib.contextmanager
def running(centre):
    """Stops it whatever happens; the log of a failed start stands in the error."""
    try:
        yield centre.start()
    except BaseException:
        for p in (*centre.servers, centre.ca):
            print(f"--- {p.name}\n{p.text()[-4000:]}")
        for p in (*centre.others, *centre.servers, centre.ca):
            p.kill()
        raise
    else:
        centre.stop()
