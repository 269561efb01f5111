"""Real processes for tests: each has its own log, is ended by whoever started it, and fails the test when a sanitizer of the
build had something to say or when it does not end cleanly on SIGTERM."""
import fcntl
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("KHIEN_BUILD", TOP / "build/asan")).resolve()
# What a person waits for (a task, a revocation) takes a second with the programs as they are installed. The sanitizers' builds, several
# at once on two cores, are given more: still far below the minute for which a sync is held, so that what is not woken is found.
SOON = 10.0 if "asan" in BUILD.name else 1.0
REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w*Sanitizer|runtime error: |LeakSanitizer")
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0:disable_coredump=0:detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "LSAN_OPTIONS": "report_objects=1",
}


def program(name):
    found = sorted(p for p in (BUILD / "src").rglob(name) if p.is_file() and os.access(p, os.X_OK))
    assert found, f"{name} is not built in {BUILD}"
    return str(found[0])


def environment(leaks=True, **more):
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER")}
    env.update(ENVIRONMENT)
    if not leaks:  # LeakSanitizer traces its own process, which seccomp forbids
        env["ASAN_OPTIONS"] = env["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")
    return {**env, **more}


def wait_until(condition, seconds=20, what="the condition", step=0.02):
    """Comes back with the first true result; there is no other waiting in these tests."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come in {seconds} s")
        time.sleep(step)


PORTS = range(20000, 32000)  # below the kernel's ephemeral ones
_taken = []  # open files: each port's lock lives as long as this process


def free_port():
    """A port of this process's own, among all test runs of this computer: locked, not only free at the moment."""
    folder = Path(tempfile.gettempdir()) / "khien-test-ports"
    folder.mkdir(mode=0o777, exist_ok=True)
    start = random.randrange(len(PORTS))
    for i in range(len(PORTS)):
        port = PORTS[(start + i) % len(PORTS)]
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _taken.append(lock)
        return port
    raise AssertionError("no free port")


def listening(address):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(address) == 0


class Process:
    def __init__(self, name, argv, log, env=None, cwd=None, stdin=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], Path(log)
        self.env, self.cwd, self.stdin = env or environment(), cwd, stdin
        self.process = None
        self.expected_to_fail = False

    def start(self):
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=self.stdin or subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            cwd=self.cwd, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check_alive(self):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()[-6000:]}")
        return True

    def wait_for(self, condition, seconds=30, what=None):
        return wait_until(lambda: self.check_alive() and condition(), seconds, what or f"{self.name}'s readiness")

    def kill(self):
        """As a power cut: the whole group, at once."""
        if self.alive():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def stop(self, seconds=30):
        if self.process is None:
            return
        problem = None
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(seconds)
                if status != 0:
                    problem = f"ended with {status} on SIGTERM"
            except subprocess.TimeoutExpired:
                problem = f"did not end within {seconds} s of SIGTERM"
                self.kill()
        elif self.process.returncode not in (0, -signal.SIGKILL) and not self.expected_to_fail:
            problem = f"had ended with {self.process.returncode}"
        self.process = None
        report = REPORT.search(self.text())
        if report:
            problem = f"sanitizer: {self.text()[max(0, report.start() - 200):report.start() + 6000]}"
        if problem:
            raise AssertionError(f"{self.name} {problem}\n--- end of its log\n{self.text()[-3000:]}")


def stop_all(processes):
    """Stops each, whatever the others say; then raises what was wrong."""
    problems = []
    for p in processes:
        try:
            p.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


def run(argv, stdin=None, env=None, timeout=60, check=False, leaks=True):
    """A program that ends by itself; a sanitizer's report fails the test."""
    done = subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env=env or environment(leaks=leaks))
    assert not REPORT.search(done.stderr), done.stderr
    if check:
        assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done
