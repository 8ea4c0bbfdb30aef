"""Targets: the grammar, and whom it means in an estate."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common.names import Place
from orch.master.estate import expression, targets
from orch.master.estate.expression import Question, TargetError
from orch.master.estate.model import Estate
from tests.unit.master.estate import estates

MAIN = """\
orch: 1
estate: small
defaults: { lists: [base], link: { up: 1Mbit } }
groups:
  fast: { match: "link.down>=1Gbit" }
  quick: { match: "@fast" }
  both: { sites: [library], match: "kind=school" }
rings:
  - { name: lab, sites: [school] }
  - { name: wide, sites: "*" }
"""
ALL = "library/srv1 library/srv2 school/srv1"


@pytest.fixture(scope="module")
def estate() -> Estate:
    with tempfile.TemporaryDirectory() as folder:
        return estates.small(Path(folder), estate=MAIN)


def hosts(estate: Estate, target: str) -> str:
    return " ".join(str(place) for place in targets.select(estate, target))


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("*", ALL),
        ("library", "library/srv1 library/srv2"),
        ("library/srv2", "library/srv2"),
        ("school,library/srv1", "library/srv1 school/srv1"),
        ("school, library", ALL),
        ("@fast", "school/srv1"),
        ("@quick", "school/srv1"),
        ("@both", ALL),
        ("ring:lab", "school/srv1"),
        ("ring:wide", "library/srv1 library/srv2"),
        ("kind=library", "library/srv1 library/srv2"),
        ("kind!=library", "school/srv1"),
        ("rack=a", "library/srv1"),
        ("rack!=a", ""),
        ("kind~scho", "school/srv1"),
        ('kind="school"', "school/srv1"),
        ("link.down<4Mbit", "library/srv1 library/srv2"),
        ("link.down>=1000Mbit", "school/srv1"),
        ("link.down=0.002Gbit", "library/srv1 library/srv2"),
        ("link.up<=1Mbit", ALL),
        ("kind<4Mbit", ""),
        ("scope=main", ALL),
        ("not library", "school/srv1"),
        ("not not library", "library/srv1 library/srv2"),
        ("country=fi and not (school or rack=a)", "library/srv2"),
        ("library and rack=a or school", "library/srv1 school/srv1"),
        ("library and (rack=a or school)", "library/srv1"),
        ("library,library,library/srv1", "library/srv1 library/srv2"),
        ("library and school", ""),
    ],
)
def test_names_these_hosts(estate: Estate, target: str, meant: str) -> None:
    assert hosts(estate, target) == meant


@pytest.mark.parametrize(
    ("target", "problem", "marked", "hint"),
    [
        ("", "the target ends where a site, @group or label=value should be", "", ""),
        ("libary", 'there is no site "libary"', "libary", 'did you mean "library"?'),
        ("srv2", 'there is no site "srv2"', "srv2", 'did you mean "library/srv2"?'),
        ("srv1", 'there is no site "srv1"', "srv1", "2 sites have a host srv1"),
        ("library/srv3", 'the site "library" has no host "srv3"', "library/srv3", 'did you mean "srv2"?'),
        ("@fst", 'there is no group "fst"', "@fst", 'did you mean "fast"?'),
        ("ring:wid", 'there is no ring "wid"', "ring:wid", 'did you mean "wide"?'),
        ("knid=library", 'no site or host has a label "knid"', "knid=library", 'did you mean "kind"?'),
        ("rng:lab", 'unknown kind of target "rng:"', "rng:", 'did you mean "ring"?'),
        ("kind<x", '"x" is no amount', "kind<x", "compare with a number, or an amount such as 4Mbit, 512M or 2h"),
        ("kind=", "a value is missing after kind=", "", ""),
        ("kind=(a)", "a value is missing after kind=", "(", "quote a value that holds blanks, commas or parentheses"),
        ("library and", "the target ends where a site, @group or label=value should be", "", ""),
        ("and library", '"and" stands where a site, @group or label=value should be', "and", ""),
        ("library school", "two targets with nothing between them", "school", 'join them with a comma, "and" or "or"'),
        ("(library", "this parenthesis is not closed", "(", ""),
        ("library)", '")" does not belong here', ")", ""),
        ("library, , school", '"," stands where a site, @group or label=value should be', ",", ""),
        ('kind="x', "a value is missing after kind=", '"', "quote a value that holds blanks, commas or parentheses"),
        ("Library", '"Library" is not a site\'s name', "Library", 'did you mean "library"?'),
        ("library/", '"" is not a host\'s name', "library/", ""),
        ("fact:xen.version", "fact:xen.version needs a comparison", "fact:xen.version", "write fact:xen.version=VALUE"),
        ("state:offline", "state: is known to the centre only, and nobody can be asked here", "state:offline", ""),
        ("svc:apps", "svc: services are not supported by this version", "svc:apps", ""),
    ],
)  # fmt: skip
def test_refuses_with_a_mark_under_the_fault(estate: Estate, target: str, problem: str, marked: str, hint: str) -> None:
    with pytest.raises(TargetError) as caught:
        targets.select(estate, target)
    assert (caught.value.problem, caught.value.hint) == (problem, hint)
    _, shown, carets = str(caught.value).split("\n")
    start = carets.index("^")
    assert shown[start : start + len(carets.strip())].strip() == marked.strip()
    assert shown.strip() == target.strip()


def test_refuses_a_target_that_nests_too_deep(estate: Estate) -> None:
    with pytest.raises(TargetError, match="nested deeper"):
        targets.select(estate, "(" * 500 + "library" + ")" * 500)
    with pytest.raises(TargetError, match="nested deeper"):
        targets.select(estate, "not " * 5000 + "library")
    with pytest.raises(TargetError, match="at most"):
        targets.select(estate, "library," * 50_000)


class Answers:
    """A resolver that knows one thing about some hosts."""

    def __init__(self, *yes: str) -> None:
        self.yes, self.asked = yes, [""]

    def holds(self, place: Place, question: Question) -> bool:
        relation = question.relation.value if question.relation else ""
        self.asked.append(f"{question.source.value}:{question.name}{relation}{question.value}")
        return str(place) in self.yes


@pytest.mark.parametrize("target", ["state:offline", "fact:xen.version~4.17", "svc:apps<2.5", "svc:apps"])
def test_asks_a_resolver_about_what_only_the_centre_knows(estate: Estate, target: str) -> None:
    answers = Answers("school/srv1")
    assert targets.select(estate, f"not {target}", answers) == (Place("library", "srv1"), Place("library", "srv2"))
    assert set(answers.asked[1:]) == {target}


ATOMS = st.sampled_from(
    [
        "*",
        "library",
        "school",
        "library/srv1",
        "@fast",
        "@both",
        "ring:lab",
        "kind=library",
        "link.down<4Mbit",
        "rack=a",
    ]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("not {}".format, inner.map("({})".format)),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({},{})".format, inner, inner),
    ),
    max_leaves=8,
)


@given(one=EXPRESSIONS, other=EXPRESSIONS)
def test_keeps_the_laws_of_sets(estate: Estate, one: str, other: str) -> None:
    def of(target: str) -> set[Place]:
        found = targets.select(estate, target)
        assert list(found) == sorted(set(found))
        return set(found)

    everyone = of("*")
    assert of(f"not ({one})") == everyone - of(one)
    assert of(f"({one}) and ({other})") == of(one) & of(other)
    assert of(f"({one}), ({other})") == of(one) | of(other)
    assert of(f"not (({one}) and ({other}))") == of(f"not ({one}) or not ({other})")


@given(st.text(alphabet="ab/@:=<>!~()*, \"'and or not.\n", max_size=40))
def test_understands_or_refuses_but_never_breaks(text: str) -> None:
    try:
        found = expression.parse(text)
    except TargetError as err:
        assert 0 <= err.span.start <= len(text)
        return
    assert list(expression.atoms(found))
