# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for tests of an engine on a wire (tests/e2e/lab/wire.py)."""

import os
import subprocess

import pytest

from tests.e2e.lab import product
from tests.e2e.lab.namespaces import Network
from tests.e2e.lab.wire import BUILD, DPDK, POLICY, both_ends


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postern-wire")
    (folder / "pool.cidr").write_text("203.0.113.0/24\n")
    (folder / "policy").write_text(POLICY)
    subprocess.run([BUILD / "control/cli/postern", "compile", "--policy", folder / "policy", "-o", folder / "snapshot"],
                   check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def network():
    if os.geteuid() != 0:
        pytest.skip("network namespaces and BPF need root")
    with Network() as made:
        for space in (made.wan, made.mx):  # or the kernel answers what is meant for others
            space.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8", "net.ipv6.conf.all.disable_ipv6=1")
        made.take_redirected(BUILD / "xdp/bpf/pass.bpf.o")
        yield made


@pytest.fixture(scope="module")
def hugepages():
    with product.Hugepages() as reserved:
        yield reserved


@pytest.fixture(params=["xdp", "dpdk"])
def kind(request):
    if request.param == "dpdk":
        if not DPDK.exists():
            pytest.skip("this build has no DPDK engine")
        request.getfixturevalue("hugepages")
    return request.param


@pytest.fixture
def ends(network):
    with both_ends(network) as made:
        yield made


@pytest.fixture
def dpdk(hugepages):
    if not DPDK.exists():
        pytest.skip("this build has no DPDK engine")
