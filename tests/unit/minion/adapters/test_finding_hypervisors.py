"""Which hypervisor is found, and what is said where none is; libvirt is not needed, and not here in every run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from orch.common.errors import NoHypervisor
from orch.common.hypervisor import Hypervisor
from orch.minion.adapters.guests import finding
from orch.minion.adapters.guests.drivers import ORDER
from orch.minion.adapters.guests.life import Place

LIBVIRT = find_spec("libvirt") is not None
NOBODY = Place(uri="qemu+unix:///system?socket=/nonexistent/libvirt-sock")


def test_none_found_says_what_each_one_said_and_how_to_have_one() -> None:
    with pytest.raises(NoHypervisor, match="this machine has no hypervisor") as caught:
        finding.find(None, NOBODY)
    assert [line.partition(":")[0].split()[0] for line in caught.value.text.splitlines()[1:]] == [
        one.value for one in ORDER
    ]
    assert "apt install xen-system-amd64" in caught.value.hint
    assert "libvirt-daemon-driver-lxc" in caught.value.hint


def test_the_simulated_one_is_never_found_by_itself() -> None:
    assert Hypervisor.TEST not in ORDER


def test_what_is_asked_for_by_name_is_not_replaced() -> None:
    with pytest.raises(NoHypervisor, match=r"^kvm: ") as caught:
        finding.find(Hypervisor.KVM, NOBODY)
    assert ("qemu-system-x86" in caught.value.hint) is LIBVIRT
    assert ("apt install python3-libvirt" in caught.value.hint) is not LIBVIRT


def test_the_address_of_another_hypervisor_is_not_taken() -> None:
    with pytest.raises(NoHypervisor, match=r"^xen: qemu\+unix:.* is the address of another"):
        finding.find(Hypervisor.XEN, NOBODY)


def test_what_was_never_met_says_so() -> None:
    with pytest.raises(NoHypervisor, match=r"esx \(untested by this version of orch\): nobody said where it is"):
        finding.find(Hypervisor.ESX)
    with pytest.raises(NoHypervisor, match=r"vmwareplayer \(untested by this version of orch\)"):
        finding.find(Hypervisor.VMWARE_PLAYER)
