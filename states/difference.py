"""How two findings of packages differ, as plans and reports show it.

Called by packages.py for what shall happen, and by minion/actions.py for what did.
"""

from __future__ import annotations

from collections.abc import Mapping

from orch.common.report import Change, Sign
from orch.states.host import AptRequest, Installed, PackageState, Simulated

KIND = "package"


def foreseen(before: Mapping[str, Installed], outcome: Simulated, request: AptRequest) -> tuple[Change, ...]:
    """What apt's simulation of a request means, as changes without the why; settings that are left count as well."""
    after = dict(before)
    for name in (*outcome.remove, *request.purge):
        after.pop(name, None)
    for pin in outcome.install:
        after[pin.name] = Installed(name=pin.name, version=pin.version, state=PackageState.INSTALLED)
    return differences(before, after)


def differences(before: Mapping[str, Installed], after: Mapping[str, Installed]) -> tuple[Change, ...]:
    """How two findings differ, as a plan and a report show it, without the why; sorted by name.

    A package that goes and leaves its settings is shown as gone: whether it has any, only dpkg knows beforehand.
    """
    changes = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        was, becomes = _shown(one), _shown(other)
        if one and one.present and other and not other.present:
            becomes = ""
        if was == becomes or (one is None and other and not other.present):
            continue
        there = one is not None and one.present
        sign = Sign.REMOVE if not becomes else Sign.CHANGE if there else Sign.ADD
        changes.append(Change(sign=sign, kind=KIND, name=name, before=was, after=becomes))
    return tuple(changes)


def _shown(one: Installed | None) -> str:
    if one is None:
        return ""
    if not one.present:
        return f"settings of {one.version}"
    return f"{one.version} ({one.state.value})" if one.broken else one.version
