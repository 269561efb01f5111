"""Computers for tests of the packages: Debian 12, booted by systemd-nspawn from a loop image of their own, each in a network namespace of
its own. The bare root is made once (debootstrap, from this computer's mirror) and kept below build/; so are the packages of Debian that
ours depend on, so that a computer installs them without a network."""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("KHIEN_DEBIAN_CACHE", TOP / "build/debian"))
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
NSPAWN = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*argv, input=None, check=True, timeout=900):
    done = subprocess.run([str(a) for a in argv], input=input, capture_output=True, text=True, timeout=timeout, errors="replace")
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(str(a) for a in argv)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def wait_until(condition, seconds=60, what="the condition", step=0.1):
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what() if callable(what) else what} did not come in {seconds} s")
        time.sleep(step)


def make_root():
    root, done = CACHE / "root", CACHE / "root.done"
    if not done.exists():
        shutil.rmtree(root, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        mirror = re.search(r"^URIs: *(\S+)", SOURCES.read_text(), re.M).group(1)
        run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,procps", "bookworm", root, mirror, timeout=3600)
        shutil.copy(SOURCES, root / "etc/apt/sources.list.d/")
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
        for settings in Path("/etc/apt/apt.conf.d").glob("99*"):
            shutil.copy(settings, root / "etc/apt/apt.conf.d/")
        (root / "etc/apt/apt.conf.d/keep").write_text('APT::Keep-Downloaded-Packages "true";\nBinary::apt::APT::Keep-Downloaded-Packages "true";\n')
        (root / "etc/machine-id").write_text("uninitialized\n")
        done.touch()
    return root


def dependencies(packages):
    return sorted({line for deb in Path(packages).glob("*.deb")
                   for line in run("dpkg-deb", "-f", deb, "Depends").stdout.split(",") if "khien" not in line})


def make_image(packages):
    """An image of the bare root that knows, but has not installed, what these packages depend on."""
    root = make_root()
    key = hashlib.sha256("".join(dependencies(packages)).encode()).hexdigest()[:16]
    image = CACHE / f"base-{key}.ext4"
    if image.exists():
        return image
    inside = [*NSPAWN, "-D", root, "--resolv-conf=copy-host", f"--bind-ro={packages}:/mnt", "--pipe",
              "--setenv=DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-c"]
    run(*inside, "apt-get -q update && apt-get -q -y --no-install-recommends --download-only install /mnt/*.deb", timeout=3600)
    for old in CACHE.glob("base-*.ext4"):
        old.unlink()
    run("truncate", "-s", "2G", CACHE / "base.new")
    run("mkfs.ext4", "-q", "-d", root, CACHE / "base.new")
    (CACHE / "base.new").rename(image)
    return image


class Network:
    """Two namespaces, joined by a cable, and nothing else in the world."""

    def __init__(self, *names):
        self.names = [f"khien-{name}-{os.getpid()}" for name in names]
        self.addresses = [f"10.87.0.{i + 1}" for i in range(len(names))]

    def start(self):
        for name in self.names:
            run("ip", "netns", "add", name)
        run("ip", "-n", self.names[0], "link", "add", "host0", "type", "veth", "peer", "name", "host0", "netns", self.names[1])
        for name, address in zip(self.names, self.addresses):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "host0")
            run("ip", "-n", name, "link", "set", "host0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        return self

    def cable(self, up):
        run("ip", "-n", self.names[0], "link", "set", "host0", "up" if up else "down")

    def stop(self):
        for name in self.names:
            run("ip", "netns", "delete", name, check=False)


class Computer:
    def __init__(self, host_name, image, namespace, packages, folder):
        self.host_name, self.base, self.namespace, self.packages = host_name, image, namespace, packages
        self.image, self.root, self.log = folder / f"{host_name}.ext4", folder / host_name, folder / f"{host_name}.log"
        self.nspawn = None
        self.leader = None

    def start(self):
        if not self.image.exists():
            run("cp", "--sparse=always", "--reflink=auto", self.base, self.image)
        self.root.mkdir(exist_ok=True)
        run("mount", "-o", "loop", self.image, self.root)
        (self.root / "etc/hostname").write_text(self.host_name + "\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {self.host_name}\n")
        with open(self.log, "ab") as log:
            self.nspawn = subprocess.Popen(
                [*NSPAWN, "-b", "-D", self.root, f"--machine={self.host_name.lower()}", f"--hostname={self.host_name}",
                 f"--network-namespace-path=/run/netns/{self.namespace}", "--resolv-conf=off", f"--bind-ro={self.packages}:/packages"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(self.booted, 120, lambda: f"{self.host_name}: {self.log.read_text(errors='replace')[-3000:]}")
        return self

    def booted(self):
        assert self.nspawn.poll() is None, f"systemd-nspawn ended: {self.log.read_text(errors='replace')[-3000:]}"
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        self.leader = children[-1] if children else None
        return self.leader and self.run("systemctl", "is-system-running", check=False).stdout.strip() == "running"

    def run(self, *argv, input=None, check=True, timeout=300):
        return run("nsenter", "--target", self.leader, "--all", "--", "/usr/bin/env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8", "HOME=/root",
                   "DEBIAN_FRONTEND=noninteractive", *argv, input=input, check=check, timeout=timeout)

    def install(self, version, *names):
        """From the folder of that version alone, without a network."""
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *(f"/packages/{version}/{n}_{version}_amd64.deb" for n in names))

    def unit(self, name, what):
        return self.run("systemctl", "show", "--value", "-p", what, name).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def stop(self):
        if self.nspawn and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)  # nspawn asks its systemd to power off
            try:
                self.nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        if os.path.ismount(self.root):
            run("umount", self.root)
