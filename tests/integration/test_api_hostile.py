"""What comes from outside: any bytes, too much, too deep, of the wrong kind. A clear error that names the place, the right status,
and nothing half done."""
import json
import socket
import ssl
import unicodedata

import pytest

V = "/api/v1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def unchanged(centre):
    """No write may come of what the test sends."""
    before = centre.admin.get(f"{V}/audit/verify")
    yield centre
    after = centre.admin.get(f"{V}/audit/verify")
    assert after["sound"] and after["rev"] == before["rev"]


GOOD = {"kind": "group", "code": "A", "name": "A", "parent": 1}


def text_of(**changes):
    return json.dumps({**GOOD, **changes})


MALFORMED = {
    "no JSON": b"{", "empty key": b"{:1}", "trailing": text_of().encode() + b"x", "two objects": text_of().encode() * 2,
    "a member twice": b'{"kind":"group","kind":"unit","code":"A","name":"A","parent":1}',
    "not UTF-8": b'{"kind":"group","code":"A","name":"\xff\xfe","parent":1}',
    "overlong": b'{"kind":"group","code":"A","name":"\xc0\xaf","parent":1}',
    "surrogate bytes": b'{"kind":"group","code":"A","name":"\xed\xa0\x80","parent":1}',
    "lone surrogate": b'{"kind":"group","code":"A","name":"\\ud800","parent":1}',
    "NUL escape": b'{"kind":"group","code":"A\\u0000B","name":"A","parent":1}',
    "NUL byte": b'{"kind":"group","code":"A","name":"A","parent":1}\x00',
    "BOM": b"\xef\xbb\xbf" + text_of().encode(),
    "deep arrays": b"[" * 60000, "deep objects": b'{"a":' * 12000, "deep and closed": b"[" * 30000 + b"]" * 30000,
    "number beyond 64 bits": b'{"kind":"group","code":"A","name":"A","parent":99999999999999999999999}',
    "number beyond doubles": b'{"kind":"group","code":"A","name":"A","parent":1e999}',
    "NaN": b'{"kind":"group","code":"A","name":"A","parent":NaN}',
    "single quotes": b"{'kind':'group'}", "comment": b"/* */{}",
}


@pytest.mark.stores("sqlite")
def test_what_is_no_json_is_malformed(unchanged):
    for what, text in MALFORMED.items():
        r = unchanged.admin.call("POST", f"{V}/units", data=text, headers=JSON)
        assert (r.status_code, r.json()["error"]["code"]) == (400, "malformed"), (what, r.text)


INVALID = [
    ("", []), ("", "text"), ("", 1), ("", None), ("", True),
    ("kind", {**GOOD, "kind": "province"}), ("kind", {**GOOD, "kind": 1}), ("kind", {**GOOD, "kind": None}), ("kind", {**GOOD, "kind": []}),
    ("code", {**GOOD, "code": ""}), ("code", {**GOOD, "code": "   "}), ("code", {**GOOD, "code": "A" * 33}), ("code", {**GOOD, "code": {}}),
    ("name", {**GOOD, "name": "a\u0007b"}), ("name", {**GOOD, "name": "a\nb"}), ("name", {**GOOD, "name": "a\u202eb"}),
    ("name", {**GOOD, "name": "Ệ" * 400}), ("name", {k: v for k, v in GOOD.items() if k != "name"}),
    ("parent", {**GOOD, "parent": -1}), ("parent", {**GOOD, "parent": 0}), ("parent", {**GOOD, "parent": "1"}),
    ("parent", {**GOOD, "parent": 1.0}), ("parent", {**GOOD, "parent": None}), ("parent", {**GOOD, "parent": True}),
    ("sort_order", {**GOOD, "sort_order": -1}), ("sort_order", {**GOOD, "sort_order": 2**62}),
    ("document_day", {**GOOD, "document_day": "2022-02-30"}), ("document_day", {**GOOD, "document_day": "12/05/2022"}),
    ("from", {**GOOD, "from": "hôm qua"}), ("from", {**GOOD, "from": 5}), ("nmae", {**GOOD, "nmae": "x"}), ("", {**GOOD, "from": "2999-01-01"}),
]


@pytest.mark.stores("sqlite")
def test_what_is_wrong_is_named(unchanged):
    for field, body in INVALID:
        r = unchanged.admin.call("POST", f"{V}/units", data=json.dumps(body).encode(), headers=JSON)
        error = r.json()["error"]
        assert r.status_code == 400 and error.get("field", "") == field, (body, r.text)
        english = unchanged.admin.call("POST", f"{V}/units", data=json.dumps(body).encode(), headers={**JSON, "Accept-Language": "en"})
        assert english.json()["error"]["message"] != error["message"]
        assert english.headers["Content-Language"] == "en" and r.headers["Content-Language"] == "vi"


def raw(centre, head, body=b""):
    """The status that a hand-made request gets; the body may be less than the head promises."""
    context = ssl.create_default_context(cafile=str(centre.ca_file))
    with socket.create_connection(centre.address("console"), timeout=30) as plain, \
            context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
        s.sendall(head.encode() + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n" not in answer:
            got = s.recv(65536)
            if not got:
                break
            answer += got
    return int(answer.split()[1]) if answer else None


@pytest.mark.stores("sqlite")
def test_queries_and_paths_of_any_bytes(unchanged):
    a = unchanged.admin
    for query in ("search=%", "search=%4", "search=%zz", "%c0%80=1", "search=%ff"):  # requests would mend them
        head = f"GET {V}/machines?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a.token}"
        assert raw(unchanged, head) == 400, query
    for query in ("search=%00", "search=%ff%fe", "search=1&search=2", "limit=0", "limit=-1", "limit=1001",
                  "limit=1e2", "limit=", "nosuch=1", "cursor=%21%21", "cursor=AAAA", "cursor=WyJhIl0=", "state=dead", "node=0", "node=x",
                  "node=99999999999999999999", "search=" + "a" * 300, "&".join(f"x{i}=1" for i in range(40))):
        r = a.call("GET", f"{V}/machines?{query}")
        assert r.status_code == 400, (query, r.text)
    for path in ("/machines/" + "0" * 32, "/machines/x", "/machines/%00", "/machines/%ff", "/machines/" + "a" * 200, "/units/0", "/units/-1",
                 "/units/1x", "/units/99999999999999999999", "/units/9999", "/units/%2e%2e", "/accounts/77", "/tasks/77/targets",
                 "/enrolment-tokens/nosuch", "/enrolment-tokens/'%20or%201=1", "/receivers/nosuch/rows", "/units/", "//units"):
        r = a.call("GET", V + path)
        assert r.status_code in (400, 404), (path, r.status_code, r.text)
    assert a.call("GET", f"{V}/units", as_of="2999-01-01").status_code == 400
    assert a.call("GET", f"{V}/units", as_of="1970-01-01").status_code in (200, 400, 404)
    assert a.call("GET", f"{V}/report/figures", as_of="2022-13-01").status_code == 400
    assert a.call("GET", f"{V}/report/figures", format="pdf").status_code == 400
    assert a.call("GET", f"{V}/report/figures", group="KHONGCO").status_code == 404
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert a.call(method, f"{V}/me").status_code in (400, 405, 501)


@pytest.mark.stores("sqlite")
def test_too_much_is_refused(unchanged):
    a = unchanged.admin
    r = a.call("POST", f"{V}/units", data=text_of(name="x" * 100000).encode(), headers=JSON)
    assert (r.status_code, r.json()["error"]["code"]) == (413, "too-large")
    assert a.call("POST", f"{V}/session", data=b"x" * 70000, headers=JSON).status_code == 413


@pytest.mark.stores("sqlite")
def test_a_gigabyte_is_not_waited_for(unchanged):
    head = (f"POST {V}/units/import?kind=units HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {unchanged.admin.token}\r\n"
            f"Content-Type: text/csv\r\nContent-Length: {1 << 30}")
    assert raw(unchanged, head, b"code,name,group\n") == 413


def imported(a, text, kind="units", **query):
    data = text if isinstance(text, bytes) else text.encode()
    return a.call("POST", f"{V}/units/import", data=data, headers={"Content-Type": "text/csv"}, kind=kind, **query)


@pytest.mark.stores("sqlite", "pg")
def test_lists_that_are_wrong_are_refused_as_a_whole(centre):
    a = centre.admin
    centre.group("G")
    before = a.get(f"{V}/audit/verify")["rev"]
    for text in ("", "code,name\nA,B\n", "code,name,group,allocatd\nA,B,G,1\n", "code,name,group,allocated\nA,B\n", "code,name,group,allocated\nA,B,KHONG,\n",
                 "code,name,group,allocated\nA,B,G,-1\n", "code,name,group,allocated\nA,B,G,x\n", 'code,name,group,allocated\nA,"B,G,\n',
                 "code,name,group,allocated\nA,B,G,\nA,C,G,\n", "code,name,group,allocated\nA,B,,\n", b"code,name,group,allocated\nA,\xff\xfe,G,\n", b"code,name,group,allocated\nA,B\x00,G,\n",
                 "code,name,group,allocated\n" + "A" * 40 + ",B,G,\n", "code,name,group,allocated\nA,\u202eB,G,\n",
                 "code,code,name,group,allocated\nA,A,B,G,\n", "code,name,group,allocated\nA,B,G,99999999999999999999\n"):
        r = imported(a, text)
        assert r.status_code in (400, 404, 409), (text, r.status_code, r.text)
        assert r.json()["error"]["message"]
    assert imported(a, "code,name,group,allocated\nA,B,G,\n", kind="people").status_code == 400
    assert a.call("POST", f"{V}/units/import?kind=units", {"code": "A"}).status_code == 400
    assert a.get(f"{V}/audit/verify")["rev"] == before and len(a.get(f"{V}/units")["units"]) == 2
    assert imported(a, "code,name,group,allocated\nA,B,G,\n").status_code == 200


@pytest.mark.stores("sqlite", "pg")
def test_a_fault_in_a_list_is_named_by_its_line(unchanged):
    rows = "".join(f"U{i},Đơn vị {i},G,\n" for i in range(500))
    r = imported(unchanged.admin, "code,name,group,allocated\n" + rows + "X,Y,G,-5\n")
    assert r.status_code == 400 and "502" in r.json()["error"]["message"], r.text


@pytest.mark.stores("sqlite", "pg")
def test_lists_as_spreadsheets_write_them(centre):
    a = centre.admin
    assert imported(a, b'\xef\xbb\xbfcode,name\r\nSBN,"C\xc3\xa1c S\xe1\xbb\x9f, ban, ng\xc3\xa0nh"\r\n', kind="groups").json()["created"] == 1
    done = imported(a, '\ufeffname,group,allocated,code\r\n"Sở ""Nội vụ""",SBN,,SNV\r\n\r\n')
    assert done.status_code == 200 and done.json()["created"] == 1, done.text
    unit = a.get(f"{V}/units", code="SNV")["units"][0]
    assert unit["name"] == 'Sở "Nội vụ"'
    assert imported(a, a.get(f"{V}/units/export")).json()["unchanged"] == 1
    centre.unit("F", unit["parent"], "=1+1")
    assert "'=1+1" in a.get(f"{V}/units/export")


@pytest.mark.stores("sqlite", "pg")
def test_vietnamese_is_one_text_however_it_is_typed(centre):
    a, name = centre.admin, "Sở Giáo dục và Đào tạo"
    group = centre.group("SBN")
    made = centre.unit("SGDĐT", group, unicodedata.normalize("NFD", name))
    assert a.get(f"{V}/units/{made}")["name"] == name
    for search in (name, unicodedata.normalize("NFD", name), "so giao duc", "ĐÀO TẠO", "dao tao", "sgddt"):
        assert [u["id"] for u in a.get(f"{V}/units", search=search)["units"]] == [made], search
    for code in ("SGDĐT", unicodedata.normalize("NFD", "SGDĐT"), "SGDDT", "sgdđt"):
        again = a.call("POST", f"{V}/units", {"kind": "unit", "code": code, "name": "Khác", "parent": group})
        assert (again.status_code, again.json()["error"]["field"]) == (409, "code"), code


@pytest.mark.stores("sqlite")
def test_a_hostile_pattern_is_refused_or_bounded(unchanged):
    a = unchanged.admin
    for pattern in ("(", "[", "a{99999999}", "(?<unit>", "\\", "x" * 513, "(*LIMIT_MATCH=99999999)a("):
        r = a.call("POST", f"{V}/naming-rules", {"priority": 1, "pattern": pattern, "node": 1})
        assert r.status_code == 400, (pattern, r.text)
    r = a.call("POST", f"{V}/naming-rules/try", {"priority": 1, "pattern": "(a+)+$", "node": 1, "names": ["a" * 60 + "!"]})
    assert r.status_code in (200, 400)
    for names in ("x", [1], [["a"]], ["a" * 300], ["a"] * 1001):
        assert a.call("POST", f"{V}/naming-rules/try", {"priority": 1, "pattern": "a", "node": 1, "names": names}).status_code == 400


@pytest.mark.stores("sqlite")
def test_licence_documents_of_any_kind(unchanged):
    a = unchanged.admin
    good = {"number": "1", "day": "2022-01-01"}
    for lines in (None, [], {}, "x", [1], [{}], [{"pool": 1, "node": 0}], [{"pool": 1, "node": 0, "amount": "1"}],
                  [{"pool": 1, "node": -1, "amount": 1}], [{"pool": 1, "node": 0, "amount": 2**60}],
                  [{"pool": 1, "node": 0, "amount": 1, "x": 1}]):
        r = a.call("POST", f"{V}/allocation-documents", {**good, "lines": lines})
        assert (r.status_code, r.json()["error"]["field"]) == (400, "lines"), (lines, r.text)
    r = a.call("POST", f"{V}/allocation-documents", {**good, "lines": [{"pool": 1, "node": 0, "amount": 1}]})
    assert r.status_code in (400, 404, 409)
