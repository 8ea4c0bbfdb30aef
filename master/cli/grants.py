"""How a grant is written and shown: `SCOPES/RINGS:VERBS`, each several with commas, `*` for every one.

main/canary:publish,plan      */*:all
"""

from __future__ import annotations

from orch.common import names
from orch.common.errors import UsageError
from orch.common.policy import Grant, Operator, Verb
from orch.master.cli.group import did_you_mean

EVERY_VERB = "all"
FORM = "write SCOPES/RINGS:VERBS, such as main/canary:publish,plan or */*:all"


def parse(text: str) -> Grant:
    """The grant that a person wrote.

    Raises:
        UsageError: what is wrong with it.
    """
    place, colon, verbs = text.rpartition(":")
    scopes, slash, rings = place.partition("/")
    if not colon or not slash:
        raise UsageError(f"{text!r} is no grant", hint=FORM)
    return Grant(
        scopes=tuple(_name(word, "scope", text) for word in scopes.split(",")),
        rings=tuple(_name(word, "ring", text) for word in rings.split(",")),
        verbs=tuple(Verb) if verbs == EVERY_VERB else tuple(verb(word) for word in dict.fromkeys(verbs.split(","))),
    )


def verb(word: str) -> Verb:
    """The verb of that name.

    Raises:
        UsageError: there is none.
    """
    known = [item.value for item in Verb]
    if word not in known:
        near = did_you_mean(word, known)
        raise UsageError(f"there is no verb {word!r}{near}", hint=f"verbs are {', '.join(known)}, or {EVERY_VERB}")
    return Verb(word)


def _name(word: str, what: str, text: str) -> str:
    if word != "*" and not names.is_name(word):
        raise UsageError(f"{word!r} in {text!r} cannot be a {what}'s name", hint=FORM)
    return word


def written(grant: Grant) -> str:
    """A grant as a person writes it."""
    verbs = EVERY_VERB if set(grant.verbs) == set(Verb) else ",".join(item.value for item in grant.verbs)
    return f"{','.join(grant.scopes)}/{','.join(grant.rings)}:{verbs}"


def all_written(person: Operator) -> str:
    """All that a person is granted."""
    return " ".join(written(grant) for grant in person.grants) or "nothing"
