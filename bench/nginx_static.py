"""A peer for the server's figures: nginx answering a static file over mutual TLS on loopback, one worker, in a folder of
its own. Used as a context manager; gives the port and the client's certificate and key."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

CONF = """
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
daemon off;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  keepalive_requests 100000000; keepalive_timeout 300s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.key;
    ssl_client_certificate {dir}/ca.pem; ssl_verify_client on;
    location / {{ root {dir}/www; default_type application/json; }}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


def make_certificates(d):
    """A CA and, by it, a server for 127.0.0.1 and a client; EC P-256 like the house's own."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=bench",
            "-keyout", d / "ca.key", "-out", d / "ca.pem")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                d / f"{name}.key", "-out", d / f"{name}.csr")
        (d / "ext").write_text(extension)
        openssl("x509", "-req", "-in", d / f"{name}.csr", "-CA", d / "ca.pem", "-CAkey", d / "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", d / "ext", "-out", d / f"{name}.pem")


@contextlib.contextmanager
def nginx(folder, body, taskset=None):
    """body: what the static file holds, of the size of a sync's answer."""
    d = pathlib.Path(folder)
    shutil.rmtree(d, ignore_errors=True)
    (d / "www").mkdir(parents=True)
    d.chmod(0o755)
    (d / "www" / "answer").write_bytes(body)
    make_certificates(d)
    port = free_port()
    (d / "nginx.conf").write_text(CONF.format(dir=d, port=port))
    command = ["nginx", "-p", str(d), "-c", str(d / "nginx.conf")]
    if taskset is not None:
        command = ["taskset", "-c", str(taskset)] + command
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield port, d
    finally:
        process.terminate()
        process.wait(10)


def wait_for_port(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")
