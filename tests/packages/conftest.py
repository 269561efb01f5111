"""The packages, twice: as the version before (the same tree) and as this one."""
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import debian

OLD = "0.0.9"


@pytest.fixture(scope="session")
def this_version():
    return debian.run("dpkg-parsechangelog", "-l", debian.TOP / "packaging/debian/changelog", "-S", "Version").stdout.strip()


def pytest_addoption(parser):
    parser.addoption("--keep-packages", action="store_true", help="take the packages that the last run has built")


@pytest.fixture(scope="session")
def packages(this_version, pytestconfig):
    folder = debian.TOP / "build/debs"
    for version in () if pytestconfig.getoption("--keep-packages") else (OLD, this_version):
        out = folder / version
        for old in out.glob("*"):
            old.unlink()
        subprocess.run([debian.TOP / "tools/build-packages", out, "--version", version], check=True)
    return folder


@pytest.fixture(scope="session")
def network():
    n = debian.Network("centre", "computer")
    try:
        yield n.start()
    finally:
        n.stop()


@pytest.fixture(scope="session")
def computers(packages, network, this_version, tmp_path_factory):
    """The centre's computer and one of the province's: booted, nothing of ours on them."""
    image = debian.make_image(packages / this_version)
    folder = tmp_path_factory.mktemp("computers")
    two = [debian.Computer(name, image, namespace, packages, folder) for name, namespace in zip(("trung-tam", "SNV-VP-001"), network.names)]
    try:
        yield [c.start() for c in two]
    finally:
        for c in two:
            c.stop()
