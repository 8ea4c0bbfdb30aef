"""The only door to libvirt: guests of Xen, KVM and LXC, in the words of common/guest.py.

- finding.py: which hypervisor this machine has;
- drivers.py: how they differ, as a table;
- domain.py: a guest as libvirt's XML and back, the only place that knows XML;
- door.py: libvirt itself, its errors as ours, the only importer;
- life.py: what can be asked and done; satisfies minion/hypervisor.py;
- consoles.py, disks.py: the files beside a guest.
"""
