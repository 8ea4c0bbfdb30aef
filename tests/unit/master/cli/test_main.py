import subprocess
import sys
from pathlib import Path

import orch
from tests.unit.master.cli.desk import SITE, Workplace, err

TOP = Path(__file__).parents[4]


def typed(*arguments: str, program: str = "") -> subprocess.CompletedProcess[str]:
    how = ["-c", program] if program else ["-m", "orch.master.cli"]
    return subprocess.run(
        [sys.executable, *how, *arguments], cwd=TOP, capture_output=True, text=True, timeout=30, check=False
    )


def test_says_its_version_before_anything_is_loaded() -> None:
    done = typed("--version")
    assert done.stdout == f"orch {orch.__version__}\n"
    loaded = typed(
        program=(
            "import sys; sys.argv = ['orch', '--version']\n"
            "from orch.master.cli.__main__ import main\nmain()\n"
            "print('click' in sys.modules, 'msgpack' in sys.modules)"
        )
    )
    assert loaded.stdout.splitlines()[-1] == "False False"


def test_says_its_version_with_other_options_too(place: Workplace) -> None:
    assert place.run("-v", "--version").stdout == f"orch {orch.__version__}\n"


def test_help_lists_commands_without_loading_them() -> None:
    done = typed(
        program=(
            "import sys; sys.argv = ['orch', '--help']\n"
            "from orch.master.cli.__main__ import main\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print(sorted({'zmq', 'yaml', 'cryptography'} & set(sys.modules)))"
        )
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "apply" in done.stdout


def test_a_fault_of_orch_is_one_line_unless_debugging() -> None:
    program = (
        "import sys; sys.argv = ['orch', 'x', *sys.argv[1:]]\n"
        "from orch.master.cli import commands\n"
        "from orch.master.cli.group import Entry\n"
        "def broken():\n    raise RuntimeError('a wire is loose')\n"
        "commands.TABLE['x'] = Entry(help='', load=broken)\n"
        "from orch.master.cli.__main__ import main\nmain()\n"
    )
    done = typed(program=program)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this is a fault in orch: RuntimeError: a wire is loose")
    assert "Traceback" not in done.stderr
    assert "Traceback" in typed("--debug", program=program).stderr


def test_debugging_adds_a_traceback_and_changes_nothing_else(place: Workplace) -> None:
    plain = place.run("status", where=place.base)
    debugged = place.run("--debug", "status", where=place.base)
    assert "Traceback" not in plain.output
    assert err(debugged).startswith("Traceback")
    assert err(debugged).endswith(err(plain))
    assert debugged.exit_code == plain.exit_code == 2


def test_ctrl_c_ends_with_130(place: Workplace) -> None:
    centre = place.found()

    def interrupt(_operation: str) -> None:
        raise KeyboardInterrupt

    centre.on_ask = interrupt
    done = place.run("status")
    assert done.exit_code == 130
    assert "interrupted" in err(done)


def test_every_command_can_be_asked_for_help(place: Workplace) -> None:
    for command in ("status", "plan", "apply", "explain", "lint", "target", "key", "init"):
        done = place.run(command, "--help")
        assert done.exit_code == 0, command
        assert "Usage: root" in done.stdout or "Usage: orch" in done.stdout
        assert place.run(command, "-h").stdout == done.stdout
    assert place.run("-h").stdout == place.run("--help").stdout
    assert place.run("key", "accept", "-h").exit_code == 0


def test_an_unknown_option_is_a_usage_error(place: Workplace) -> None:
    assert place.run("status", "--wach").exit_code == 2


def test_a_length_of_time_has_a_unit_that_is_known(place: Workplace) -> None:
    place.found("library")
    for wrong in ("5 weeks", "0", "soon"):
        done = place.run("plan", "--timeout", wrong)
        assert done.exit_code == 2
        assert "write 20s, 5m or 2h" in err(done)


def test_a_group_without_a_command_is_a_usage_error_that_shows_the_commands(place: Workplace) -> None:
    for words in ((), ("key",), ("policy", "operator")):
        done = place.run(*words)
        assert done.exit_code == 2, words
        assert "Commands:" in err(done)
        assert done.stdout == ""


def shell(line: str, place: Workplace) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `orch` is this one, beside the estate's files."""
    head = f'set -o pipefail; orch() {{ PYTHONPATH={TOP} {sys.executable} -m orch.master.cli "$@"; }}\n'
    return subprocess.run(
        ["/bin/bash", "-c", head + line],
        cwd=place.estate,
        env={"HOME": str(place.base), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_reader_that_has_gone_is_no_fault(place: Workplace) -> None:
    place.found("library")
    for words in ("target -v", "lint", "--help", "key accept --help", "completion bash"):
        done = shell(f"(exec 3>&1; orch {words} | {{ exec <&-; :; }}; exit ${{PIPESTATUS[0]}})", place)
        assert "error" not in done.stderr, words
        assert done.returncode in (0, 141), words  # 0: it was quicker than whoever would not read


def test_a_full_disk_below_stdout_is_said(place: Workplace) -> None:
    place.found("library")
    for words in ("target", "lint --output json", "--help", "key accept --help", "completion bash"):
        done = shell(f"orch {words} >/dev/full", place)
        assert done.stderr == "error: the output cannot be written: No space left on device\n", words
        assert done.returncode == 1


def test_closed_streams_are_no_fault(place: Workplace) -> None:
    place.found("library")
    assert shell("orch target library >&- 2>&- <&-", place).returncode == 0
    assert shell("orch target nosuch >&- 2>&-", place).returncode == 2
    assert shell("orch --version >&-", place).returncode == 0


def test_a_letter_that_the_terminal_does_not_know_is_a_question_mark(place: Workplace) -> None:
    place.found("library")
    place.site("library", "title: Łaź\n" + SITE)
    assert "?a?" in shell("export PYTHONIOENCODING=latin-1; orch target", place).stdout
