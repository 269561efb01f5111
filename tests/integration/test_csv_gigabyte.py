"""A list of a gigabyte, really sent: refused with the place, the server's memory bounded, nothing half done."""
import json
import ssl
import socket
import subprocess
from pathlib import Path

import pytest

from processes import environment, program
from test_api_hostile import V

pytestmark = pytest.mark.stores("sqlite")  # it does not come to the store

GIGABYTE, LIMIT = 1 << 30, 16 << 20
HEAD = b"code,name,group,allocated\n"
LINE = "DV{:09},Đơn vị được sinh ra để làm đầy danh sách này,SBN,\n"
# The body itself (it grows by doubling, so twice at the moment of growing) and what TLS and the sockets hold.
MEMORY = 3 * LIMIT


def pieces():
    """The list, ten thousand lines at a time; that they are the same ones again nobody comes to see."""
    piece = "".join(LINE.format(i) for i in range(10000)).encode()
    yield HEAD
    for _ in range(1 + GIGABYTE // len(piece)):
        yield piece


def line_at(offset):
    """The line in which the byte at that offset stands, counted from 1."""
    return 2 + (offset - len(HEAD)) // len(LINE.format(0).encode())


def most_memory(process):
    """The high-water mark of what it has had resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.fixture
def untouched(centre):
    """Nothing may be different behind the test."""
    centre.group("SBN")
    before = centre.admin.get(f"{V}/audit/verify")["rev"], centre.admin.get(f"{V}/units")["units"]
    memory = most_memory(centre.servers[0])
    yield centre
    assert (centre.admin.get(f"{V}/audit/verify")["rev"], centre.admin.get(f"{V}/units")["units"]) == before
    grown = most_memory(centre.servers[0]) - memory
    assert grown < MEMORY, f"{grown >> 20} MiB"


def send_all(centre, head, chunked):
    """Sends until the server has had enough; what it said, and how much it took."""
    context = ssl.create_default_context(cafile=str(centre.ca_file))
    sent = 0
    with context.wrap_socket(socket.create_connection(centre.address("console", 0), timeout=120), server_hostname="127.0.0.1") as s:
        s.sendall(head)
        try:
            for piece in pieces():
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                sent += len(piece)
        except OSError:
            pass
        answer = b""
        try:
            while more := s.recv(65536):
                answer += more
        except OSError:
            pass
    return answer, sent


@pytest.mark.parametrize("chunked", [False, True])
def test_to_the_api(untouched, chunked):
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
    answer, sent = send_all(untouched, (
        f"POST {V}/units/import?kind=units HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {untouched.admin.token}\r\n"
        f"Content-Type: text/csv\r\n{size}\r\n\r\n").encode(), chunked)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"413", answer[:500]
    error = json.loads(body)["error"]
    assert error["code"] == "too-large" and str(LIMIT) in error["message"]
    assert sent < GIGABYTE, "it is not read to its end"


def test_through_khien(untouched, tmp_path):
    config = tmp_path / "cli.conf"
    config.write_text(f"api = {untouched.url()}\nca = {untouched.ca_file}\ntoken = token\n")
    config.chmod(0o600)
    (tmp_path / "token").write_text(untouched.admin.token + "\n")
    khien = subprocess.Popen([program("khien"), "--config", config, "units", "import", "-"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(LANG="C.UTF-8"))
    try:
        for piece in pieces():
            khien.stdin.write(piece)
    except BrokenPipeError:
        pass
    else:
        raise AssertionError("a gigabyte was taken")
    said = khien.stderr.read().decode()
    khien.stdin = None
    assert khien.wait(60) == 1, said
    assert f"-: line {line_at(LIMIT)}: " in said and str(LIMIT) in said, said


def test_a_list_as_long_as_is_taken(centre):
    """Just below the limit it is read, and the fault in its last line is named."""
    centre.group("SBN")
    lines = (LIMIT - len(HEAD)) // len(LINE.format(0).encode()) - 1
    data = HEAD + "".join(LINE.format(i) for i in range(lines)).encode() + "X,Y,SBN,-5\n".encode()
    assert LIMIT - 300 < len(data) <= LIMIT
    before = most_memory(centre.servers[0])
    answer = centre.admin.call("POST", f"{V}/units/import", data=data, headers={"Content-Type": "text/csv"}, kind="units", timeout=300)
    print(answer.status_code, answer.text, (most_memory(centre.servers[0]) - before) >> 20)
    assert answer.status_code in (400, 413), answer.text
    assert len(centre.admin.get(f"{V}/units")["units"]) == 2
