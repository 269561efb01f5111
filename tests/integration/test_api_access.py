"""Signing in and staying in: passwords, sessions, cookies, tokens, and how they end; on whatever server."""
import datetime
import sqlite3
import subprocess

import pytest
import requests

V = "/api/v1"
FIRST, SECOND = "mat-khau-dau-tien", "mat-khau-thu-hai"


def sql(centre, text):
    """Straight into the store: for what only time or a thief could do."""
    if centre.store.startswith("sqlite:"):
        with sqlite3.connect(centre.store[len("sqlite:"):], timeout=20) as db:
            return db.execute(text).fetchall()
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", centre.store, "-c", text], capture_output=True, text=True, check=True)
    return [line.split("|") for line in done.stdout.splitlines()]


def person(centre, role="viewer", node=1, name="can-bo"):
    number = centre.admin.post(f"{V}/accounts", {"name": name, "password": FIRST, "role": role, "node": node})["id"]
    return number, centre.api().sign_in(name, FIRST).change_password(FIRST, SECOND)


def test_until_the_password_is_changed_nothing_else_works(centre):
    centre.admin.post(f"{V}/accounts", {"name": "moi", "password": FIRST, "role": "administrator", "node": 1})
    a = centre.api().sign_in("moi", FIRST)
    for method, path in (("GET", "/units"), ("GET", "/tokens"), ("GET", "/accounts"), ("POST", "/units")):
        r = a.call(method, V + path, {} if method == "POST" else None)
        assert (r.status_code, r.json()["error"]["code"]) == (403, "must-change-password")
    assert a.get(f"{V}/me")["must_change"]
    for new, why in ((FIRST, "new"), ("ngan", "new"), ("x" * 300, "new")):
        r = a.call("POST", f"{V}/password", {"current": FIRST, "new": new})
        assert (r.status_code, r.json()["error"]["field"]) == (400, why)
    a.change_password(FIRST, SECOND)
    assert a.get(f"{V}/units")["units"]
    assert centre.api().call("POST", f"{V}/session", {"name": "moi", "password": FIRST}).status_code == 401


def test_a_password_is_stored_as_argon2id_and_bearers_as_hashes(centre):
    _, a = person(centre)
    token = a.post(f"{V}/tokens", {"label": "x", "may": ["read-units"], "lifetime_s": 60})["token"]
    assert all(row[0].startswith("$argon2id$") for row in sql(centre, "select secret from login"))
    everything = str(sql(centre, "select * from bearer")) + str(sql(centre, "select * from audit")) + str(sql(centre, "select * from login"))
    for secret in (a.token, a.token[4:], token, token[4:], FIRST, SECOND):
        assert secret not in everything
        assert secret not in centre.log()


def test_failed_sign_ins_slow_down_and_lock_out_nobody_else(centre):
    person(centre)
    person(centre, name="nguoi-khac")
    statuses = [centre.api().call("POST", f"{V}/session", {"name": "can-bo", "password": "sai-mat-khau-roi"}) for _ in range(8)]
    assert [r.status_code for r in statuses[:3]] == [401] * 3
    assert statuses[-1].status_code == 429 and int(statuses[-1].headers["Retry-After"]) >= 1
    assert centre.api().call("POST", f"{V}/session", {"name": "can-bo", "password": SECOND}).status_code == 429
    centre.api().sign_in("nguoi-khac", SECOND)
    assert centre.api().call("POST", f"{V}/session", {"name": "khong-co", "password": "sai-mat-khau-roi"}).status_code == 401
    # from another address the same account signs in at once: the rows are of this address
    sql(centre, "update signin_failure set address = '10.9.9.9'")
    centre.api().sign_in("can-bo", SECOND)
    # and time forgets
    sql(centre, "update signin_failure set address = '127.0.0.1', until_real = 1")
    centre.api().sign_in("can-bo", SECOND)
    assert not [r for r in sql(centre, "select subject from signin_failure where address = '127.0.0.1'") if r[0] == "can-bo"]


def test_many_attempts_at_once_are_counted_one_by_one(centre):
    import concurrent.futures
    person(centre)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda _: centre.api().call("POST", f"{V}/session", {"name": "can-bo", "password": "sai-mat-khau-roi"})
                                 .status_code, range(24)))
    assert 1 <= statuses.count(401) <= 6 and statuses.count(401) + statuses.count(429) + statuses.count(503) == 24


def test_cookies_and_the_proof_of_the_page(centre):
    person(centre)
    s = requests.Session()
    s.verify, s.trust_env = str(centre.ca_file), False
    signed = s.post(centre.url(server=0) + f"{V}/session", json={"name": "can-bo", "password": SECOND})
    cookie = signed.headers["Set-Cookie"]
    assert cookie.startswith("__Host-khien=khs_")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {p.strip() for p in cookie.split(";")}
    base, csrf = centre.url(server=0), signed.json()["csrf"]
    text = s.cookies["__Host-khien"]
    s.cookies.clear()
    by = {"Cookie": f"other=1; __Host-khien={text}"}
    assert s.get(base + f"{V}/me", headers=by).json()["csrf"] == csrf
    for proof in (None, "", "0" * 64, csrf[:-1], csrf.upper() if csrf.upper() != csrf else "x"):
        r = s.post(base + f"{V}/tokens", json={"label": "x", "may": ["self"], "lifetime_s": 60},
                   headers={**by, **({} if proof is None else {"X-CSRF-Token": proof})})
        assert (r.status_code, r.json()["error"]["code"]) == (403, "csrf")
    r = s.post(base + f"{V}/tokens", json={"label": "x", "may": ["self"], "lifetime_s": 60}, headers={**by, "X-CSRF-Token": csrf})
    assert r.status_code == 201
    # a form of another site cannot be JSON
    r = s.post(base + f"{V}/session", data="name=can-bo&password=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (r.status_code, r.json()["error"]["code"]) == (400, "malformed")
    out = s.delete(base + f"{V}/session", headers={**by, "X-CSRF-Token": csrf})
    assert out.status_code == 204 and "Max-Age=0" in out.headers["Set-Cookie"]
    assert s.get(base + f"{V}/me", headers=by).status_code == 401


def test_tokens_are_limited_in_what_and_where(centre):
    group = centre.group("G")
    a, b = centre.unit("A", group), centre.unit("B", group)
    _, person_a = person(centre, "administrator", 1)
    made = person_a.post(f"{V}/tokens", {"label": "x", "may": ["read-units", "change-accounts"], "node": a, "lifetime_s": 600})
    token = person_a.another(made["token"])
    assert [u["id"] for u in token.get(f"{V}/units")["units"]] == [a]
    assert token.call("GET", f"{V}/units/{b}").status_code == 404
    for method, path, body in (("GET", "/machines", None), ("GET", "/me", None), ("POST", "/units", {"parent": a}),
                               ("POST", "/tokens", {"label": "y", "may": ["self"], "lifetime_s": 60}),
                               ("POST", "/password", {"current": SECOND, "new": FIRST})):
        assert token.call(method, V + path, body).status_code == 403, path
    # no role that holds more than the token itself
    r = token.call("POST", f"{V}/accounts", {"name": "cua-sau", "password": FIRST, "role": "administrator", "node": a})
    assert (r.status_code, r.json()["error"]["field"]) == (403, "role")
    person_a.delete(f"{V}/tokens/{made['id']}")
    assert token.call("GET", f"{V}/units").status_code == 401
    assert person_a.call("DELETE", f"{V}/tokens/{made['id']}").status_code == 404
    assert centre.admin.call("DELETE", f"{V}/tokens/{made['id']}").status_code == 404


def test_a_token_of_a_viewer_gives_a_viewers_rights_and_no_more(centre):
    _, viewer = person(centre)
    token = viewer.another(viewer.post(f"{V}/tokens", {"label": "x", "may": ["read-units", "change-units"], "lifetime_s": 600})["token"])
    assert token.get(f"{V}/units")["units"]
    assert token.call("POST", f"{V}/units", {"kind": "group", "code": "X", "name": "X", "parent": 1}).status_code == 403


def test_expired_ended_disabled_are_refused_at_the_next_call(centre):
    number, a = person(centre)
    token = a.another(a.post(f"{V}/tokens", {"label": "x", "may": ["read-units"], "lifetime_s": 60})["token"])
    assert token.call("GET", f"{V}/units").status_code == 200
    sql(centre, "update bearer set expires_real = 1 where kind = 2")
    assert token.call("GET", f"{V}/units").status_code == 401
    assert a.call("GET", f"{V}/units").status_code == 200
    centre.admin.must("PATCH", f"{V}/accounts/{number}", {"disabled": True})
    assert a.call("GET", f"{V}/units").status_code == 401
    assert centre.api().call("POST", f"{V}/session", {"name": "can-bo", "password": SECOND}).status_code == 401
    centre.admin.must("PATCH", f"{V}/accounts/{number}", {"disabled": False})
    assert a.call("GET", f"{V}/units").status_code == 401  # what has ended does not come back
    centre.api().sign_in("can-bo", SECOND)


def test_a_new_password_ends_all_other_sessions(centre):
    number, a = person(centre)
    other = centre.api().sign_in("can-bo", SECOND)
    a.change_password(SECOND, FIRST)
    assert a.call("GET", f"{V}/me").status_code == 200
    assert other.call("GET", f"{V}/me").status_code == 401
    centre.admin.post(f"{V}/accounts/{number}/password", {"password": SECOND})
    assert a.call("GET", f"{V}/me").status_code == 401


def test_nobody_locks_themselves_out(centre):
    me = centre.admin.get(f"{V}/me")
    assert centre.admin.call("PATCH", f"{V}/accounts/{me['account']}", {"disabled": True}).status_code == 409
    assert centre.admin.call("DELETE", f"{V}/grants/{me['grants'][0]['id']}").status_code == 409


@pytest.mark.stores("two")
def test_what_one_server_ends_the_other_refuses_at_once(centre):
    number, _ = person(centre, "unit-operator")
    first, second = centre.api(0), centre.api(1)
    second.sign_in("can-bo", SECOND)
    first.token = second.token
    assert first.get(f"{V}/units")["units"] and second.get(f"{V}/units")["units"]
    admin = centre.api(0)
    admin.token = centre.admin.token
    grant = admin.get(f"{V}/accounts/{number}")["grants"][0]["id"]
    admin.delete(f"{V}/grants/{grant}")
    assert second.call("GET", f"{V}/units").status_code == 403
    assert second.get(f"{V}/me")["grants"] == []
    admin.post(f"{V}/accounts/{number}/grants", {"role": "viewer", "node": 1})
    assert second.call("GET", f"{V}/units").status_code == 200
    admin.must("PATCH", f"{V}/accounts/{number}", {"disabled": True})
    assert second.call("GET", f"{V}/units").status_code == 401
    # and both count failed sign-ins together
    statuses = [centre.api(i % 2).call("POST", f"{V}/session", {"name": "khong-co", "password": "sai-mat-khau-roi"}).status_code
                for i in range(8)]
    assert 429 in statuses and statuses[:3] == [401] * 3


def test_repeated_writes_have_one_effect(centre):
    a, key = centre.admin, {"Idempotency-Key": "lan-dau-tien-0001"}
    body = {"kind": "group", "code": "LAP", "name": "Lặp", "parent": 1}
    first = a.call("POST", f"{V}/units", body, headers=key)
    before = a.get(f"{V}/audit/verify")["rev"]
    again = a.call("POST", f"{V}/units", body, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    assert a.get(f"{V}/audit/verify")["rev"] == before
    other = a.call("POST", f"{V}/units", {**body, "code": "KHAC"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency-key")
    assert a.call("POST", f"{V}/tokens", {"label": "x", "may": ["self"], "lifetime_s": 60}, headers=key).status_code == 400
    for bad in ("kurz", "x" * 200, "mit leerzeichen"):
        assert a.call("POST", f"{V}/units", {**body, "code": "B"}, headers={"Idempotency-Key": bad}).status_code == 400
    # a refusal is not remembered: mended, the same key goes through
    key = {"Idempotency-Key": "lan-thu-hai-0002"}
    assert a.call("POST", f"{V}/units", body, headers=key).status_code == 409
    assert a.call("POST", f"{V}/units", {**body, "code": "MOI"}, headers=key).status_code == 201
