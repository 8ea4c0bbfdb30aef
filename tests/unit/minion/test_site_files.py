"""`orch-minion import` and `export-results`, with a real executor behind its real socket, and no line at all."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import stick, trust
from orch.common.clock import SystemChance, SystemClock
from orch.common.crypto import sha256
from orch.common.document import Document, File, ListFile
from orch.common.errors import Malformed, Mislabelled, OrchError, RolledBack, SettingsError
from orch.common.stick import Results, Stick
from orch.minion import assembly, channel
from orch.minion.assembly import Given
from orch.minion.cli.commands import cli
from orch.minion.executor import Bell
from orch.minion.failpoint import NoFailpoints
from tests.fakes import signed_estate as estate
from tests.fakes.bench import BOOT, HOST, Bench, bench, text_file
from tests.unit.minion.test_loops import PATIENCE, wait_for

pytestmark = pytest.mark.usefixtures("as_root")
DAY = 86400


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Bench]:
    """A host whose executor runs and whose agent does not."""
    made = bench(tmp_path / "host")
    made.fetch.error = OrchError("there is no line")
    bell, stops = Bell(), threading.Event()
    given = Given(
        layout=made.layout,
        settings=made.settings,
        boot=BOOT,
        machine=made.machine,
        fetch=lambda line: made.fetch,
        clock=SystemClock(),
        chance=SystemChance(),
        log=made.log,
        failpoints=NoFailpoints(),
    )
    thread = threading.Thread(target=assembly.run, args=(given, bell, stops.is_set))
    thread.start()
    wait_for(lambda: channel.is_answered(made.layout.socket))
    yield made
    stops.set()
    bell.ring()
    thread.join(PATIENCE)
    bell.close()


def typed(host: Bench, *words: str) -> None:
    """What a person types on the host; errors come as they are."""
    cli.main(["--root", str(host.layout.root), *words], standalone_mode=False)


def stick_of(host: Bench, path: Path, document: Document, *, number: int = 2, contents: tuple[bytes, ...] = ()) -> Path:
    now = int(time.time())
    parcel = host.release(number, document, created=now - 60, expires=now + 30 * DAY).parcel(0)
    head = Stick(
        estate=estate.ESTATE,
        host=HOST,
        curve=host.me.curve,
        made=now,
        policies=(estate.policy_bytes(),),
        admission=estate.admission_bytes(host.me),
        release=parcel.release,
        document=parcel.document,
        proof=parcel.proof,
        contents=stick.named(contents),
    )
    data = io.BytesIO()
    stick.write(data, head, contents)
    path.write_bytes(data.getvalue())
    return path


def test_a_file_in_and_a_file_out(host: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big = b"a line\n" * 20_000
    large = File(path="/etc/large", sha256=sha256(big), size=len(big))
    files = [text_file("/etc/motd", "hi"), large, *_filler()]
    document = host.document(packages="dpkg\nnano\n", files=files)
    path = stick_of(host, tmp_path / "stick", document, contents=(b"dpkg\nnano\n", big))
    typed(host, "import", str(path))
    said = capsys.readouterr().out
    assert "release 2 (epoch 1) is taken" in said
    assert "nothing is removed" in said
    wait_for(lambda: "nano" in host.machine.packages and "/etc/motd" in host.machine.files)
    assert (host.layout.blobs / sha256(big).hex()).read_bytes() == big

    def exported() -> tuple[Results, tuple[bytes, ...]]:
        typed(host, "export-results", str(tmp_path / "results"))
        with (tmp_path / "results").open("rb") as file:
            head, _data = stick.read_head(file, Results)
            return head, tuple(stick.read_contents(file, head.contents))

    wait_for(lambda: len(exported()[1]) == 1)
    head, (report,) = exported()
    assert trust.judge_report(host.me, report).outcome.value == "applied"
    assert trust.check_identity_request(head.request).host == HOST


def _filler() -> list[File]:
    """So many files that the head is larger than what a socket takes at once."""
    return [text_file(f"/etc/filler/{number}", "x" * 15_000) for number in range(40)]


def test_what_is_refused_leaves_nothing_behind(host: Bench, tmp_path: Path) -> None:
    document = host.document(packages="dpkg\n")
    old = stick_of(host, tmp_path / "old", document, contents=(b"dpkg\n",))
    typed(host, "import", str(stick_of(host, tmp_path / "new", host.document(), number=4)))
    with pytest.raises(RolledBack, match="old is not taken: release 1:2 is below 1:4") as caught:
        typed(host, "import", str(old))
    assert "orch doc export" in caught.value.hint
    assert list(host.layout.carried.iterdir()) == []
    old.write_bytes(old.read_bytes()[:-1])
    with pytest.raises(Malformed, match="it ends too early"):
        typed(host, "import", str(old))
    with old.open("wb") as file:
        stick.write(file, Stick(estate=estate.ESTATE, host="school/dom0", curve=bytes(32), made=1, policies=()), ())
    with pytest.raises(Mislabelled, match="this stick is for school/dom0"):
        typed(host, "import", str(old))
    assert list(host.layout.carried.iterdir()) == []


def test_without_an_executor_nothing_is_taken(tmp_path: Path) -> None:
    host = bench(tmp_path / "host")
    path = stick_of(host, tmp_path / "stick", replace(host.document(), lists=(_LIST,)), contents=(b"x",))
    with pytest.raises(SettingsError, match="does not answer"):
        typed(host, "import", str(path))
    assert list(host.layout.carried.iterdir()) == []


_LIST = ListFile("base", bytes(32), 1)
