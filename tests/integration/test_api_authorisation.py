"""Every route × role × subtree, against a matrix that is written here and nowhere else; what a list shows; tokens, sessions and
grants that end. The probes do nothing where they are allowed: a parameter that no route knows is refused behind the rule."""
import secrets

import pytest

import api_spec
from protocol_agent import Agent

READS = {"self", "read-units", "read-machines", "read-detections", "read-reports", "read-policy", "read-tasks"}
ROLES = {
    "viewer": READS,
    "unit-operator": READS | {"read-enrolment", "declare", "place-machines", "retire-machines", "enrol", "task"},
    "analyst": READS | {"task", "export", "read-metrics"},
    "auditor": READS | {"read-audit", "read-accounts", "read-enrolment", "read-metrics", "read-trust"},
    "administrator": READS | {"read-enrolment", "declare", "place-machines", "retire-machines", "enrol", "task", "export", "read-metrics",
                              "read-audit", "read-accounts", "read-trust", "change-units", "change-licences", "change-naming",
                              "change-policy", "change-accounts", "change-trust", "move-clock"},
}
# (permission, where): the words of the rule as the documents promise it.
V = "/api/v1"
MATRIX = {
    ("GET", "/healthz"): ("anyone", None),
    ("GET", "/metrics"): ("read-metrics", "province"),
    ("POST", f"{V}/session"): ("anyone", None),
    ("DELETE", f"{V}/session"): ("self", None),
    ("GET", f"{V}/me"): ("self", None),
    ("POST", f"{V}/password"): ("self", None),
    ("GET", f"{V}/tokens"): ("self", None),
    ("POST", f"{V}/tokens"): ("self", None),
    ("DELETE", f"{V}/tokens/{{id}}"): ("self", None),
    ("GET", f"{V}/accounts"): ("read-accounts", "any"),
    ("POST", f"{V}/accounts"): ("change-accounts", "body node"),
    ("GET", f"{V}/accounts/{{account}}"): ("read-accounts", "account"),
    ("PATCH", f"{V}/accounts/{{account}}"): ("change-accounts", "account"),
    ("POST", f"{V}/accounts/{{account}}/password"): ("change-accounts", "account"),
    ("POST", f"{V}/accounts/{{account}}/grants"): ("change-accounts", "body node"),
    ("DELETE", f"{V}/grants/{{grant}}"): ("change-accounts", "grant"),
    ("GET", f"{V}/units"): ("read-units", "any"),
    ("POST", f"{V}/units"): ("change-units", "body parent"),
    ("POST", f"{V}/units/import"): ("change-units", "province"),
    ("GET", f"{V}/units/export"): ("read-units", "any"),
    ("GET", f"{V}/units/{{node}}"): ("read-units", "node"),
    ("PATCH", f"{V}/units/{{node}}"): ("change-units", "node"),
    ("POST", f"{V}/units/{{node}}/dissolve"): ("change-units", "node"),
    ("GET", f"{V}/units/{{node}}/history"): ("read-units", "node"),
    ("PUT", f"{V}/units/{{node}}/declaration"): ("declare", "node"),
    ("DELETE", f"{V}/units/{{node}}/declaration"): ("declare", "node"),
    ("GET", f"{V}/declarations"): ("read-units", "any"),
    ("GET", f"{V}/pools"): ("read-units", "any"),
    ("POST", f"{V}/pools"): ("change-licences", "province"),
    ("PUT", f"{V}/pools/{{pool}}"): ("change-licences", "province"),
    ("GET", f"{V}/allocations"): ("read-units", "any"),
    ("GET", f"{V}/allocation-documents"): ("read-units", "any"),
    ("POST", f"{V}/allocation-documents"): ("change-licences", "province"),
    ("PUT", f"{V}/allocation-documents/{{document}}"): ("change-licences", "province"),
    ("POST", f"{V}/allocation-documents/{{document}}/cancel"): ("change-licences", "province"),
    ("GET", f"{V}/naming-rules"): ("read-units", "any"),
    ("POST", f"{V}/naming-rules"): ("change-naming", "province"),
    ("POST", f"{V}/naming-rules/try"): ("change-naming", "province"),
    ("PUT", f"{V}/naming-rules/{{rule}}"): ("change-naming", "province"),
    ("DELETE", f"{V}/naming-rules/{{rule}}"): ("change-naming", "province"),
    ("GET", f"{V}/machines"): ("read-machines", "query node"),
    ("GET", f"{V}/machines/{{machine}}"): ("read-machines", "machine"),
    ("GET", f"{V}/machines/{{machine}}/history"): ("read-machines", "machine"),
    ("GET", f"{V}/machines/{{machine}}/decisions"): ("read-machines", "machine"),
    ("GET", f"{V}/machines/{{machine}}/certificates"): ("read-machines", "machine"),
    ("PUT", f"{V}/machines/{{machine}}/place"): ("place-machines", "machine"),
    ("DELETE", f"{V}/machines/{{machine}}/place"): ("place-machines", "machine"),
    ("POST", f"{V}/machines/{{machine}}/place/correct"): ("place-machines", "machine"),
    ("POST", f"{V}/machines/{{machine}}/retire"): ("retire-machines", "machine"),
    ("POST", f"{V}/machines/{{machine}}/revoke"): ("retire-machines", "machine"),
    ("GET", f"{V}/identity-decisions"): ("read-machines", "any"),
    ("GET", f"{V}/clones"): ("read-machines", "any"),
    ("GET", f"{V}/enrolment-tokens"): ("read-enrolment", "any"),
    ("POST", f"{V}/enrolment-tokens"): ("enrol", "body node"),
    ("GET", f"{V}/enrolment-tokens/{{token}}"): ("read-enrolment", "token"),
    ("DELETE", f"{V}/enrolment-tokens/{{token}}"): ("enrol", "token"),
    ("GET", f"{V}/policy/settings"): ("read-policy", "any"),
    ("GET", f"{V}/policy/statements"): ("read-policy", "any"),
    ("GET", f"{V}/units/{{node}}/policy"): ("read-policy", "node"),
    ("GET", f"{V}/units/{{node}}/policy/history"): ("read-policy", "node"),
    ("PUT", f"{V}/units/{{node}}/policy/{{setting}}"): ("change-policy", "node"),
    ("DELETE", f"{V}/units/{{node}}/policy/{{setting}}"): ("change-policy", "node"),
    ("GET", f"{V}/tasks"): ("read-tasks", "any"),
    ("POST", f"{V}/tasks"): ("task", "body node"),
    ("POST", f"{V}/tasks/for-machines"): ("task", "any"),
    ("GET", f"{V}/tasks/{{task}}/targets"): ("read-tasks", "task"),
    ("POST", f"{V}/tasks/{{task}}/cancel"): ("task", "task"),
    ("GET", f"{V}/detections"): ("read-detections", "query node"),
    ("GET", f"{V}/detections/groups"): ("read-detections", "query node"),
    ("GET", f"{V}/quarantine"): ("read-detections", "query node"),
    ("GET", f"{V}/allowances"): ("read-policy", "any"),
    ("POST", f"{V}/units/{{node}}/allowances"): ("change-policy", "node"),
    ("DELETE", f"{V}/units/{{node}}/allowances/{{sha256}}"): ("change-policy", "node"),
    ("POST", f"{V}/machines/{{machine}}/allowances"): ("change-policy", "machine"),
    ("DELETE", f"{V}/machines/{{machine}}/allowances/{{sha256}}"): ("change-policy", "machine"),
    ("GET", f"{V}/report/figures"): ("read-reports", "any"),
    ("GET", f"{V}/report/machines"): ("read-reports", "any"),
    ("GET", f"{V}/audit"): ("read-audit", "any"),
    ("GET", f"{V}/audit/verify"): ("read-audit", "province"),
    ("GET", f"{V}/receivers"): ("export", "province"),
    ("PUT", f"{V}/receivers/{{receiver}}"): ("export", "province"),
    ("DELETE", f"{V}/receivers/{{receiver}}"): ("export", "province"),
    ("GET", f"{V}/receivers/{{receiver}}/rows"): ("export", "province"),
    ("GET", f"{V}/trust"): ("read-trust", "province"),
    ("POST", f"{V}/trust/rotate"): ("change-trust", "province"),
    ("GET", f"{V}/simulation/clock"): ("read-units", "any"),
    ("PUT", f"{V}/simulation/clock"): ("move-clock", "province"),
}
PLACES = ("own", "child", "parent", "sibling", "province")


def test_the_matrix_has_every_route():
    assert MATRIX.keys() == api_spec.routes().keys()
    assert {p for p, _ in MATRIX.values()} == {"anyone"} | set().union(*ROLES.values())


class Town:
    """Province ← group ← own ← child, group ← sibling; a machine, a task, a token, an account and its grant on each."""

    def __init__(self, centre):
        self.centre, a = centre, centre.admin
        self.node = {"province": 1, "parent": centre.group("KHOI", "Khối")}
        self.node["own"] = centre.unit("NHAMINH", self.node["parent"], "Nhà mình")
        self.node["child"] = centre.unit("NHACON", self.node["own"], "Nhà con")
        self.node["sibling"] = centre.unit("HANGXOM", self.node["parent"], "Hàng xóm")
        self.machine, self.task, self.token, self.account, self.grant = {}, {}, {}, {}, {}
        for place, node in self.node.items():
            agent = Agent(centre, f"MAY-{place}")
            agent.enrol(centre.token(node))
            agent.sync().detect()
            agent.send_events()
            self.machine[place] = agent.machine
            self.task[place] = a.post(f"{V}/tasks/for-machines", {"kind": "report-now", "machines": [agent.machine]})["id"]
            self.token[place] = a.post(f"{V}/enrolment-tokens", {"node": node, "lifetime_s": 3600, "note": f"note-{place}"})["id"]
            self.account[place] = a.post(f"{V}/accounts", {"name": f"nguoi-{place}", "password": secrets.token_hex(8), "role": "viewer",
                                                          "node": node})["id"]
            self.grant[place] = a.get(f"{V}/accounts/{self.account[place]}")["grants"][0]["id"]
        self.foreign = ["HANGXOM", "Hàng xóm", "MAY-sibling", "nguoi-sibling", "note-sibling", self.machine["sibling"],
                        self.machine["parent"], self.machine["province"], self.token["sibling"], "KHOI", "note-province"]

    def probe(self, method, template, where, place):
        """What to send: well formed as far as the rule looks, and without effect behind it."""
        node = self.node[place]
        path = template.format(id=99999999, node=node, account=self.account[place], grant=self.grant[place], pool=1, document=1, rule=1,
                               machine=self.machine[place], token=self.token[place], task=self.task[place], receiver="siem",
                               setting="sync.interval_s", sha256="ab" * 32)
        query = {} if method == "GET" else {"__probe": "1"}
        if where == "query node":
            query["node"] = node
        body = None
        if method in ("POST", "PUT", "PATCH") and template != f"{V}/units/import":
            body = {"__probe": 1}
            if where in ("body node", "body parent"):
                body[where.split()[1]] = node
        return path, query, body


def expected(role, granted, permission, where, place):
    """'pass', 401, 403, 404."""
    if permission == "anyone":
        return "pass"
    if role is None:
        return 401
    if permission not in ROLES[role]:
        return 403
    if where in (None, "any") or granted == "province":
        return "pass"
    if where == "province":
        return 403
    return "pass" if place in ("own", "child") else 404


def places_of(where):
    return ("own",) if where in (None, "any", "province") else PLACES


@pytest.fixture
def town(centre):
    return Town(centre)


@pytest.mark.stores("sqlite", "two")
def test_every_route_role_and_subtree(town):
    callers = {(None, None): town.centre.api()}
    for role in ROLES:
        for granted in ("own", "province"):
            callers[role, granted] = town.centre.account(role, town.node[granted])
    wrong, passed = [], 0
    sound = town.centre.admin.get(f"{V}/audit/verify")["rev"]
    for (method, template), (permission, where) in MATRIX.items():
        if "simulation" in template or template in (f"{V}/session", f"{V}/password"):
            continue  # there only on a simulation; they would end the callers' own sessions, or count as failed sign-ins
        for (role, granted), api in callers.items():
            for place in places_of(where):
                path, query, body = town.probe(method, template, where, place)
                r = api.call(method, path, body, **query)
                want = expected(role, granted, permission, where, place)
                fits = judge(r, want, method, permission)
                passed += want == "pass" and fits
                if not fits:
                    wrong.append((method, template, role, granted, place, want, r.status_code, r.text[:120]))
                if granted == "own" and r.status_code == 200:
                    # a report's table stands under its group's name, whoever reads it
                    shown = [f for f in town.foreign if f in r.text and (f != "KHOI" or "/report/figures" not in path)]
                    assert not shown, (method, path, role, shown)
    assert not wrong, f"{len(wrong)} of them, {wrong[:12]}"
    assert passed > 500
    assert town.centre.admin.get(f"{V}/audit/verify")["rev"] == sound, "a probe had an effect"


def judge(r, want, method, permission):
    if want != "pass":
        return r.status_code == want
    if method == "GET" and permission != "anyone":
        return r.status_code in (200, 404) if "receivers/siem" in r.url else r.status_code == 200
    return r.status_code in (200, 400, 404) if "/tokens/99999999" in r.url else r.status_code in (200, 400, 409) or \
        (r.status_code == 404 and any(x in r.url for x in ("/pools/1", "/allocation-documents/1", "/naming-rules/1", "/receivers/siem")))


@pytest.mark.stores("sqlite", "two")
def test_a_second_node_must_lie_in_the_scope_too(town):
    a = town.centre.account("administrator", town.node["own"])
    child, machine = town.node["child"], town.machine["own"]
    for place, status in (("sibling", 404), ("parent", 404), ("province", 404)):
        node = town.node[place]
        assert a.call("PATCH", f"{V}/units/{child}", {"parent": node}).status_code == status
        assert a.call("PUT", f"{V}/machines/{machine}/place", {"node": node, "reason": "x"}).status_code == status
        assert a.call("POST", f"{V}/machines/{machine}/place/correct",
                      {"node": node, "reason": "x", "from": "2022-01-01", "until": "2022-01-02"}).status_code == status
        assert a.call("POST", f"{V}/tasks/for-machines",
                      {"kind": "report-now", "machines": [machine, town.machine[place]]}).status_code == status
    assert a.call("PUT", f"{V}/machines/{machine}/place", {"node": child, "reason": "x"}).status_code == 204


@pytest.mark.stores("sqlite", "two")
def test_what_may_be_seen_but_not_touched_is_403(town):
    name, password = "hai-vai", "mat-khau-rat-dai"
    account = town.centre.admin.post(f"{V}/accounts", {"name": name, "password": "mat-khau-dau-tien", "role": "viewer",
                                                       "node": town.node["sibling"]})["id"]
    town.centre.admin.post(f"{V}/accounts/{account}/grants", {"role": "unit-operator", "node": town.node["own"]})
    a = town.centre.api().sign_in(name, "mat-khau-dau-tien").change_password("mat-khau-dau-tien", password)
    declare = {"servers": 1, "workstations": 1}
    assert a.call("PUT", f"{V}/units/{town.node['own']}/declaration", declare).status_code == 204
    assert a.call("PUT", f"{V}/units/{town.node['sibling']}/declaration", declare).status_code == 403
    assert a.call("PUT", f"{V}/units/{town.node['parent']}/declaration", declare).status_code == 404
    assert a.call("GET", f"{V}/units/{town.node['sibling']}").status_code == 200


@pytest.mark.stores("sqlite", "two")
def test_an_account_with_a_foot_next_door_is_not_a_subtrees_to_change(town):
    a = town.centre.account("administrator", town.node["own"])
    inside, outside = town.account["child"], town.account["own"]
    town.centre.admin.post(f"{V}/accounts/{outside}/grants", {"role": "viewer", "node": town.node["sibling"]})
    password = {"password": "mat-khau-moi-12"}
    assert a.call("POST", f"{V}/accounts/{inside}/password", password).status_code == 204
    assert a.call("POST", f"{V}/accounts/{outside}/password", password).status_code == 404
    assert a.call("PATCH", f"{V}/accounts/{outside}", {"disabled": True}).status_code == 404
    assert outside in [x["id"] for x in a.get(f"{V}/accounts")["accounts"]]
    assert "sibling" not in a.call("GET", f"{V}/accounts").text


@pytest.mark.stores("sqlite", "two")
def test_groups_of_others_are_not_reported(town):
    a = town.centre.account("viewer", town.node["own"])
    assert a.get(f"{V}/report/figures")["total"]["installed"] == 2
    assert a.call("GET", f"{V}/report/machines", unit="HANGXOM").status_code == 404
    assert a.get(f"{V}/report/machines")["count"] == 2
    assert a.call("GET", f"{V}/detections", machine=town.machine["sibling"]).status_code == 404
    assert len(a.get(f"{V}/detections")["detections"]) == 2
