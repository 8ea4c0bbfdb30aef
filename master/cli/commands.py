"""The table of commands: their names, a line of help each, and where they are."""

from __future__ import annotations

import click

import orch
from orch.master.cli.group import Entry, Root, shared_options


def _init() -> click.Command:
    from orch.master.cli.init import init

    return init


def _lint() -> click.Command:
    from orch.master.cli.lint import lint

    return lint


def _target() -> click.Command:
    from orch.master.cli.target import target

    return target


def _plan() -> click.Command:
    from orch.master.cli.plan import plan

    return plan


def _apply() -> click.Command:
    from orch.master.cli.apply import apply

    return apply


def _status() -> click.Command:
    from orch.master.cli.status import status

    return status


def _explain() -> click.Command:
    from orch.master.cli.explain import explain

    return explain


def _key() -> click.Command:
    from orch.master.cli.key import key

    return key


def _secret() -> click.Command:
    from orch.master.cli.secret import secret

    return secret


def _policy() -> click.Command:
    from orch.master.cli.policy import policy

    return policy


def _wait() -> click.Command:
    from orch.master.cli.wait import wait

    return wait


def _undo() -> click.Command:
    from orch.master.cli.undo import undo

    return undo


def _doctor() -> click.Command:
    from orch.master.cli.doctor import doctor

    return doctor


def _events() -> click.Command:
    from orch.master.cli.events import events

    return events


def _config() -> click.Command:
    from orch.master.cli.config import config

    return config


def _completion() -> click.Command:
    from orch.master.cli.completion import completion

    return completion


def _site() -> click.Command:
    from orch.master.cli.site import site

    return site


def _audit() -> click.Command:
    from orch.master.cli.audit import audit

    return audit


def _doc() -> click.Command:
    from orch.master.cli.doc import doc

    return doc


def _import_results() -> click.Command:
    from orch.master.cli.import_results import import_results

    return import_results


TABLE = {
    "status": Entry(help="How every site is now.", load=_status),
    "plan": Entry(help="What the hosts would do with your files.", load=_plan),
    "apply": Entry(help="Sign your files and have the hosts take them.", load=_apply),
    "explain": Entry(help="Why a host is as it is, and what helps.", load=_explain),
    "wait": Entry(help="Stay until hosts are as a script needs them.", load=_wait),
    "undo": Entry(help="Sign again what hosts were told before.", load=_undo),
    "doc": Entry(help="What hosts were told to be, now and before.", load=_doc),
    "import-results": Entry(help="Hand over reports that came by stick.", load=_import_results),
    "audit": Entry(help="Who decided what, proved by signatures.", load=_audit),
    "doctor": Entry(help="What is wrong anywhere, and what mends it.", load=_doctor),
    "events": Entry(help="What happened at the hosts, and what happens.", load=_events),
    "lint": Entry(help="Check the estate's files.", load=_lint),
    "target": Entry(help="Which hosts an expression means.", load=_target),
    "site": Entry(help="The places of the estate.", load=_site),
    "key": Entry(help="Keys of hosts, of operators, and of the root.", load=_key),
    "secret": Entry(help="What only some may read, and who they are.", load=_secret),
    "policy": Entry(help="Who may do what, and how that is changed.", load=_policy),
    "init": Entry(help="Found an estate, or recover one.", load=_init),
    "config": Entry(help="What is in force here, and who said so.", load=_config),
    "completion": Entry(help="Have your shell complete orch.", load=_completion),
}

root = Root("orch", TABLE, about="Keep far-away sites in the state that you signed off.")
root.params.extend(shared_options(formats=()))
root.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=lambda context, _parameter, wanted: _version(context) if wanted else None,
        help="Show the version.",
    )
)


def _version(context: click.Context) -> None:
    click.echo(f"orch {orch.__version__}")
    context.exit()
