"""What can be said of the packages without installing them, and of their units by systemd itself."""
import pytest

from debian import run

# Debian's own packages have an address of their maintainer; ours have whoever builds them.
NOT_OURS = "bogus-mail-host,bogus-mail-host-in-debian-changelog"
# systemd's own measure, 0 (shut) to 100. The agent's parent must reach every file and process: its unit says why.
EXPOSURE = {"khien-ca.service": 15, "khien-server.service": 20, "khien-agent.service": 60}


def test_lintian_has_nothing_to_say(packages, this_version):
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", NOT_OURS,
               *sorted((packages / this_version).glob("*.deb")), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", EXPOSURE)
def test_systemd_understands_the_units(computers, this_version, unit, tmp_path):
    computer = computers[0]
    deb = "khien-agent" if unit == "khien-agent.service" else "khien-server"
    computer.run("sh", "-c", f"rm -rf /tmp/unit && dpkg-deb -x /packages/{this_version}/{deb}_{this_version}_amd64.deb /tmp/unit && cp -r /tmp/unit/usr/sbin/. /usr/local/sbin/")
    path = f"/tmp/unit/lib/systemd/system/{unit}"
    computer.run("sed", "-i", "s,=/usr/sbin/,=/usr/local/sbin/,", path)
    said = computer.run("systemd-analyze", "verify", "--man=no", path, check=False)
    computer.run("find", "/usr/local/sbin", "-type", "f", "-delete")
    assert said.returncode == 0 and not said.stderr, said.stderr
    computer.run("systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE[unit]}", path)


def test_the_same_tree_gives_the_same_bytes(packages, this_version, tmp_path):
    """Built again in another folder, by whatever the clock says now."""
    run("env", f"KHIEN_PACKAGES={tmp_path}/work", "tools/build-packages", tmp_path / "again", "--version", this_version, timeout=3600)
    for deb in sorted((packages / this_version).glob("*.deb")):
        assert deb.read_bytes() == (tmp_path / "again" / deb.name).read_bytes(), deb.name
