import pytest

from orch.common import enrolment
from orch.common.enrolment import Enrolment
from orch.common.errors import Malformed

MADE = Enrolment(estate="netgate", policy=bytes(range(256)) * 4, pin=bytes(32))


def test_reads_back_what_it_wrote() -> None:
    assert enrolment.read(enrolment.write(MADE)) == MADE


def test_survives_a_mail() -> None:
    mailed = "Dear colleague,\r\n\r\n" + enrolment.write(MADE).replace("\n", "  \r\n") + "\r\n-- \r\nops\r\n"
    assert enrolment.read(mailed) == MADE


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("-----END", "-----"),
        lambda text: text.replace("-----BEGIN", "-----"),
        lambda text: "",
        lambda text: text.replace("\n-----END", "!\n-----END"),
        lambda text: "\n".join(line for at, line in enumerate(text.splitlines()) if at != 5),
        lambda text: "x" * 300_000 + text,
        lambda text: text.replace("\n-----END", "ä\n-----END"),
    ],
)
def test_a_damaged_file_is_an_error(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(Malformed):
        enrolment.read(damage(enrolment.write(MADE)))


def test_holds_lines_that_no_mailer_breaks() -> None:
    assert max(len(line) for line in enrolment.write(MADE).splitlines()) <= 64
