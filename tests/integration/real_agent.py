"""khien-agent with its link, in a state folder of its own, reading its computer below a root folder that the test fills."""
import shutil
from pathlib import Path

from processes import Process, environment, program, run, wait_until


def fill_root(root, host_name="MAY-001", uuid="4c4c4544-0042-3510-8051-b4c04f303332", board="BRD1234567", disk="DSK7654321",
              mac="52:54:00:12:34:56", machine_id="0123456789abcdef0123456789abcdef"):
    """The files of a computer's /sys, /etc and /proc that the agent looks at. None leaves the thing out."""
    for path, text in {
        "etc/hostname": host_name, "proc/sys/kernel/hostname": host_name, "etc/machine-id": machine_id,
        "sys/class/dmi/id/product_uuid": uuid, "sys/class/dmi/id/board_serial": board,
        "sys/block/sda/device/serial": disk, "sys/block/sda/serial": disk, "sys/class/net/eth0/address": mac,
        "sys/class/net/eth0/type": mac and "1", "sys/class/net/eth0/device/vendor": mac and "0x8086",
    }.items():
        target = Path(root) / path
        if text is None:
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n")
    os_release = Path(root) / "etc/os-release"
    if not os_release.exists():
        os_release.write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n')


class RealAgent:
    def __init__(self, centre, folder, flags=(), **machine):
        self.centre, self.folder = centre, Path(folder)
        self.state, self.root = self.folder / "state", self.folder / "root"
        self.state.mkdir(parents=True, mode=0o700)
        fill_root(self.root, **machine)
        self.process = Process("khien-agent", [program("khien-agent"), "--state", self.state, "--link", program("khien-link"),
                                               "--root", self.root, *flags], self.folder / "agent.log", env=environment(leaks=False))

    def link_pid(self):
        """The link's process, or None while there is none."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            return next((int(c) for c in children if Path(f"/proc/{c}/comm").read_text().strip() == "khien-link"), None)
        except FileNotFoundError:
            return None

    @property
    def socket(self):
        return self.state / "control.sock"

    def start(self):
        self.process.start()
        self.process.wait_for(self.socket.exists)
        return self

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def khien(self, *words, stdin=None, check=True):
        return run([program("khien"), "--agent", self.socket, *words], stdin=stdin, check=check)

    def enrol(self, token):
        self.khien("enrol", self.centre.url("enrol"), "--agents", self.centre.url("agents"), stdin=token + "\n")
        return self

    def status(self):
        """The facts as a dictionary."""
        return dict(line.split("\t", 1) for line in self.khien("status", "--format", "tsv").stdout.splitlines())

    def copy_disk(self, folder, **machine):
        """The disk in another computer: the state as it lies there, other metal where given."""
        other = RealAgent(self.centre, folder, **machine)
        shutil.rmtree(other.state)
        shutil.copytree(self.state, other.state, ignore=shutil.ignore_patterns("*.sock"))
        return other

    def wait_status(self, name, value, seconds=30):
        return wait_until(lambda: self.status().get(name) == value, seconds, f"status {name} = {value}")
