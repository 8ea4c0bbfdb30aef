"""The laboratory: real hosts in namespaces, for `make demo` and for tests/system.

A *host* here is a Debian 12 root of its own with real apt and dpkg, its own network, process, mount, name and IPC
namespaces, a firewall that drops what comes from outside, and a small PID 1 that keeps its daemons running. A *centre*
is a network namespace with one cable to every host; the master and a small signed package repository live in it.
Nothing forwards between the cables, to the machine or to the world.

Everything that a laboratory makes lies in one folder, `build/lab/ID/`, and has no name anywhere else on the machine, so
that clearing up is: end what runs in the folder's network namespaces, unmount what is mounted below it, delete it.

Needs root, Debian's own /usr/bin/python3 and `TOOLS`; nothing from PyPI. `tests.lab.lab.Lab` is where to start reading.
"""
