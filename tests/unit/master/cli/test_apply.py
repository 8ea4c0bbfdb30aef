from orch.common import codec
from orch.common.document import LIMIT, Document
from orch.common.envelope import open_envelope
from orch.common.operations import ScopeHead
from orch.common.release import TYPE, Release
from tests.fakes.operators_centre import FakeCentre
from tests.unit.master.cli.desk import SITE, Workplace, err


def releases(centre: FakeCentre) -> list[Release]:
    return [
        codec.decode(Release, open_envelope(item, type=TYPE, limit=1 << 20).body, limit=1 << 20)
        for item in centre.releases
    ]


def test_publishes_for_every_host_and_follows_to_the_end(place: Workplace) -> None:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    [release] = releases(centre)
    assert (release.scope, release.epoch, release.number, release.count) == ("main", 1, 2, 2)
    assert "2 of 2 hosts have it" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch status"


def test_the_next_release_takes_the_next_even_number_and_names_the_one_before(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    for text in (SITE, SITE.replace("hello", "good day")):
        place.site("library", text)
        assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    first, second = releases(centre)
    assert (first.number, second.number) == (2, 4)
    assert second.previous == open_hash(centre.releases[0])


def open_hash(envelope: bytes) -> bytes:
    return open_envelope(envelope, type=TYPE, limit=1 << 20).hash


def test_publishes_nothing_where_nothing_is_different_unless_told(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0
    assert "nothing changed" in err(done)
    assert len(centre.releases) == 1
    assert place.run("apply", "--yes", "--again", *place.unlocked).exit_code == 0
    assert len(centre.releases) == 2


def test_a_comment_in_a_file_is_no_difference_for_a_host(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    place.site("library", "# a word for the reader\n\n" + SITE)
    done = place.run("apply", "--yes", *place.unlocked)
    assert "nothing changed" in err(done)
    assert len(centre.releases) == 1


def test_a_mistake_in_a_file_publishes_nothing_and_is_shown(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.site("library", SITE + "lable: x\n")
    centre.asked.clear()
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "sites/library.yaml:7:1" in err(done)
    assert 'did you mean "labels"?' in err(done)
    assert centre.asked == []


def test_an_offline_host_is_queued_and_not_waited_for(place: Workplace) -> None:
    place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    school.connected = False
    place.clock.advance(600)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 4, done.output
    assert "? offline  queued, silent for 10 min" in done.stdout
    assert "1 of 2 hosts have it" in done.stdout


def test_a_failed_host_ends_it_with_1_and_names_the_next_command(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.outcome, host.text = "failed", "no such package: telnett"
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 1
    assert "✗ failed  no such package: telnett" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch explain library/srv1"


def test_a_host_that_never_answers_is_given_up_after_the_timeout(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.outcome = ""
    done = place.run("apply", "--yes", "--timeout", "20s", *place.unlocked)
    assert done.exit_code == 4
    assert done.stdout.count("= waiting  1:2 was sent, no word back yet") == 1


def test_detaches_when_told(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    done = place.run("apply", "--yes", "--detach", *place.unlocked)
    assert done.exit_code == 4
    assert "status.watch" not in centre.asked
    assert "orch status --watch" in err(done)


def test_ctrl_c_detaches_and_says_how_to_come_back(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")

    def interrupt(operation: str) -> None:
        if operation == "status.watch":
            raise KeyboardInterrupt

    centre.on_ask = interrupt
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 130
    assert "the hosts go on" in err(done)
    assert "orch status --watch" in err(done)
    assert len(centre.releases) == 1


def test_names_the_hosts_and_asks_before_it_signs(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.interactive = True
    done = place.run("apply", *place.unlocked, answer="n\n")
    assert done.exit_code == 1
    assert "netgate: 1 host: library/srv1" in err(done)
    assert centre.releases == []
    assert place.run("apply", *place.unlocked, answer="y\n").exit_code == 0


def test_without_a_person_and_without_yes_nothing_is_published(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    done = place.run("apply", *place.unlocked)
    assert done.exit_code == 2
    assert centre.releases == []


def test_a_release_names_exactly_the_hosts_that_are_meant(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "library", "--yes", *place.unlocked).exit_code == 0
    assert releases(centre)[0].count == 1
    assert library.curve.public in centre.wanted
    assert school.curve.public not in centre.wanted


def test_each_scope_gets_a_release_of_its_own(place: Workplace) -> None:
    centre = place.found("library")
    place.site("school", SITE.replace("labels", "scope: schools\nlabels"))
    place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert sorted(item.scope for item in releases(centre)) == ["main", "schools"]


def test_the_word_for_one_site_is_no_word_for_another(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    done = place.run("apply", "--yes", "--yes-remove", "library", *place.unlocked)
    assert done.exit_code == 0, done.output
    first, second = releases(centre)
    assert (first.removals, first.number) == (0, 2)
    assert (second.removals > 0, second.number) == (True, 4)
    assert centre.wanted[library.curve.public][0] == centre.releases[1]
    assert centre.wanted[school.curve.public][0] == centre.releases[0]


def test_a_site_that_may_remove_must_be_there(place: Workplace) -> None:
    place.found("library")
    done = place.run("apply", "--yes", "--yes-remove", "libary", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "library"?' in err(done)


def test_an_unknown_target_gets_a_suggestion(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    done = place.run("apply", "libary", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "library"?' in err(done)
    assert centre.releases == []


def test_a_host_that_moves_to_another_scope_is_admitted_anew_first(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.site("library", SITE.replace("labels", "scope: books\nlabels"))
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "library/srv1 moves to scope books" in err(done)
    assert releases(centre)[0].scope == "books"
    document = codec.decode(Document, centre.wanted[host.curve.public][1], limit=LIMIT)
    assert document.scope == "books"


def test_a_host_that_is_not_admitted_is_left_out_and_named(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1")
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "not admitted yet, left out: school/srv1" in err(done)


def test_where_nobody_is_admitted_there_is_nothing_to_publish(place: Workplace) -> None:
    place.found("library")
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "orch key list --pending" in err(done)


def test_says_when_somebody_else_published_in_between(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")

    def overtake(operation: str) -> None:
        if operation == "release.put":
            centre.heads["main"] = ScopeHead(1, 2, bytes(32))

    centre.on_ask = overtake
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "is the newest" in err(done)


def test_the_word_for_removals_publishes_anew_although_no_file_is_different(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    done = place.run("apply", "library", "--yes", "--yes-remove", "library", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert len(centre.releases) == 2


def test_a_target_that_means_nobody_is_a_mistake_of_the_command(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    for verb in (("plan",), ("apply", "--yes", *place.unlocked)):
        done = place.run(verb[0], "library and not library", *verb[1:])
        assert done.exit_code == 2
        assert "no host is meant by 'library and not library'" in err(done)
    assert not centre.releases


def changed_list(place: Workplace) -> None:
    (place.estate / "lists" / "base.list").write_text("ca-certificates\ntree\n@more\n")
    (place.estate / "lists" / "more.list").write_text("rsync\n")
    place.site("library", SITE.replace("/etc/motd", "/etc/issue"))


def test_shows_what_changes_before_it_asks_removals_in_words(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.interactive = True
    done = place.run("apply", *place.unlocked, answer="y\n")
    assert "+ its first document: 2 packages on lists, 1 file" in err(done)
    assert "whatever else is installed there is removed" in err(done)
    changed_list(place)
    done = place.run("apply", *place.unlocked, answer="n\n")
    shown = [line.strip() for line in err(done).splitlines()]
    asked = next(at for at, line in enumerate(shown) if line.startswith("Sign as"))
    for line in (
        "~ list base",
        "+ list more",
        "- pkg openssh-server    on no list any more: it is removed",
        "+ pkg tree",
        "+ pkg rsync",
        "+ file /etc/issue",
        "- file /etc/motd    it stays as it is, and is no longer looked after",
    ):
        assert any(found.startswith(line) for found in shown[:asked]), line
    assert not any("ca-certificates" in line for line in shown)
    assert len(centre.releases) == 1


def test_packages_are_said_to_stay_where_the_files_say_so(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    main = place.estate / "estate.yaml"
    main.write_text(main.read_text().replace("unlisted: remove", "unlisted: report"))
    (place.estate / "lists" / "base.list").write_text("ca-certificates\nopenssh-server purge\n")
    shown = err(place.run("apply", "--yes", *place.unlocked))
    assert "~ setting unlisted packages remove → report" in shown
    assert "- pkg openssh-server purge    base says purge: it is removed" in shown
    (place.estate / "lists" / "base.list").write_text("openssh-server purge\n")
    shown = err(place.run("apply", "--yes", *place.unlocked))
    assert "- pkg ca-certificates    on no list any more: it stays" in shown


def test_hosts_that_change_in_the_same_way_are_shown_once(place: Workplace) -> None:
    sites = [f"site{number}" for number in range(4)]
    place.found(*sites)
    place.admit(*(f"{site}/srv1" for site in sites))
    place.run("apply", "--yes", *place.unlocked)
    (place.estate / "lists" / "base.list").write_text("ca-certificates\n")
    (place.estate / "lists" / "more.list").write_text("rsync\n")
    place.site("site3", SITE + "    lists: [base, more]\n")
    shown = err(place.run("apply", "--yes", *place.unlocked))
    assert "3 hosts at 3 sites: the same 2 differences (-v names them)" in shown
    assert shown.count("- pkg openssh-server") == 2
    assert "  site3/srv1\n    ~ list base" in shown
    assert "+ on list more" in shown
    assert "site2/srv1" in err(place.run("apply", "--again", "--yes", "-v", *place.unlocked))


def test_a_list_that_the_centre_has_no_more_is_no_reason_to_stop(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    centre.blobs.clear()
    changed_list(place)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "the lists before are not at the centre any more" in err(done)


def test_a_content_that_was_damaged_at_the_centre_is_uploaded_again(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    before = dict(centre.blobs)
    for more in ((), ("--again",)):
        centre.blobs = dict.fromkeys(before, b"damaged")
        assert place.run("apply", "--yes", *more, *place.unlocked).exit_code == 0
        assert centre.blobs == before


def test_says_that_newer_versions_at_a_mirror_need_no_release(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    said = err(place.run("apply", "--yes", *place.unlocked))
    assert "newer versions of packages need no release" in said
    assert "have them look now: orch apply --again" in said


def test_a_host_that_did_not_sign_what_the_centre_says_does_not_count_as_done(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, _school = place.admit("library/srv1", "school/srv1")
    library.forges = True
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 1
    assert "library/srv1  ✗ in doubt  the report is not signed by library/srv1" in done.stdout
    assert "1 of 2 hosts have it, 1 failed" in done.stdout
    library.forges, centre.reported_as = False, "failed"
    done = place.run("apply", "--yes", "--again", *place.unlocked)
    assert "the centre says applied, the host's signed report says failed" in done.stdout
    centre.on_ask = lambda _operation: centre.signed.clear()
    done = place.run("apply", "--yes", "--again", *place.unlocked)
    assert "has no report of 1:6 with the host's signature" in done.stdout
