import subprocess
import sys
from pathlib import Path

import orch
from tests.unit.master.cli.desk import Workplace, err

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
