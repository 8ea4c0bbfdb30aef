"""What `orch` itself keeps in the estate's directory, beside the files that people write.

    policy/0001.policy ...          the signed policies, each as it was signed; the chain starts at 0001
    hosts/SITE/HOST.admission       the newest signed admission of a host
    hosts/SITE/HOST.KEY.revoked     a signed revocation; KEY is the beginning of the key's hash
    ESTATE.enrol                    what a new host is given

All of it belongs into the estate's git: a lost centre is rebuilt from there. None of it is secret. Nothing is verified
here (desk.py does that), and no cryptography is loaded: `orch status` reads only where the centre is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orch.common import codec, enrolment, identity, names, policy
from orch.common.enrolment import Enrolment
from orch.common.errors import EstateError, Malformed, UsageError
from orch.common.identity import Admission
from orch.common.policy import Policy
from orch.master.cli import files

_ROOM = 4096
"""Most bytes of an envelope beyond its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An admission and the bytes that were signed."""

    admission: Admission
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """An estate's directory."""

    path: Path

    def policies(self) -> list[bytes]:
        """The signed policies, the oldest first.

        Raises:
            EstateError: there is none, or one is missing between.
        """
        found = sorted((self.path / "policy").glob("[0-9][0-9][0-9][0-9].policy"))
        if not found:
            raise EstateError(
                f"{self.path}: there is no signed policy in policy/",
                hint="is this directory complete? policy/ belongs into its git; a new estate begins with: orch init",
            )
        versions = [int(item.stem) for item in found]
        if versions != list(range(versions[0], versions[0] + len(versions))):
            raise EstateError(f"{self.path}/policy: a version is missing between", hint="take it back out of git")
        return [files.read(item, limit=policy.LIMIT + _ROOM) for item in found]

    def newest_policy(self) -> Policy:
        """The newest policy, not verified: enough to find the centre, which proves itself by the key named there.

        Raises:
            EstateError: there is none, or it is damaged.
        """
        return _body(Policy, self.policies()[-1], policy.LIMIT, f"{self.path}/policy")

    def put_policy(self, envelope: bytes) -> Policy:
        """Keep a signed policy and write the enrolment file anew."""
        found = _body(Policy, envelope, policy.LIMIT, "the new policy")
        files.write(self.path / "policy" / f"{found.version:04d}.policy", envelope)
        pin = hashlib.sha256(_parts(envelope, policy.LIMIT)).digest()
        text = enrolment.write(Enrolment(estate=found.estate, policy=envelope, pin=pin))
        files.write(self.path / f"{found.estate}.enrol", text)
        return found

    def admissions(self) -> dict[str, Admitted]:
        """The admissions, not verified, by the host's name.

        Raises:
            EstateError: one is damaged.
        """
        found: dict[str, Admitted] = {}
        for path in sorted((self.path / "hosts").glob("*/*.admission")):
            envelope = files.read(path, limit=identity.LIMIT + _ROOM)
            admission = _body(Admission, envelope, identity.LIMIT, str(path))
            found[admission.host] = Admitted(admission=admission, envelope=envelope)
        return found

    def put_admission(self, envelope: bytes) -> None:
        """Keep a signed admission in place of the one before."""
        admission = _body(Admission, envelope, identity.LIMIT, "the new admission")
        files.write(self._host(admission.host, "admission"), envelope)

    def revocations(self) -> Iterator[bytes]:
        """The signed revocations."""
        for path in sorted((self.path / "hosts").glob("*/*.revoked")):
            yield files.read(path, limit=identity.LIMIT + _ROOM)

    def put_revocation(self, host: str, curve: bytes, *, envelope: bytes) -> None:
        """Keep a signed revocation and drop the admission that it ends."""
        files.write(self.revocation_path(host, curve), envelope)
        path = self._host(host, "admission")
        kept = self.admissions().get(host)
        if kept is not None and kept.admission.curve == curve:
            path.unlink()

    def revocation_path(self, host: str, curve: bytes) -> Path:
        """Where the revocation of that key lies."""
        return self._host(host, f"{hashlib.sha256(curve).hexdigest()[:12]}.revoked")

    def _host(self, host: str, ending: str) -> Path:
        # Place.parse: a name that a host gave itself must not become a path before it has been looked at.
        place = names.Place.parse(host)
        return self.path / "hosts" / place.site / f"{place.host}.{ending}"


def find(given: Path | None, *, start: Path) -> Folder:
    """The estate's directory: the one given, or the nearest around `start`.

    Raises:
        UsageError: there is none.
    """
    if given is not None:
        if (given / "estate.yaml").is_file():
            return Folder(given.resolve())
        raise UsageError(f"{given} is not an estate: it has no estate.yaml")
    for candidate in (start, *start.parents):
        if (candidate / "estate.yaml").is_file():
            return Folder(candidate)
    raise UsageError(
        f"there is no estate here: no estate.yaml in {start} or above it",
        hint="cd into the estate, give --estate DIRECTORY, or found one: orch init NAME --centre tcp://HOST:4505",
    )


def _parts(envelope: bytes, limit: int) -> bytes:
    # Not envelope.py, which loads cryptography; whoever acts on the content verifies it there (desk.py).
    parts = codec.parse(envelope, limit=limit + _ROOM)
    if not isinstance(parts, list) or len(parts) != 3 or not isinstance(parts[1], bytes):
        raise Malformed("not a signed file")
    return parts[1]


def _body(cls: type[codec.T], envelope: bytes, limit: int, where: str) -> codec.T:
    try:
        return codec.decode(cls, _parts(envelope, limit), limit=limit)
    except Malformed as err:
        raise EstateError(
            f"{where}: {err.text}", hint="take the file back out of git; it is signed, not edited"
        ) from err
