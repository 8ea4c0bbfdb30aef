import json

from tests.unit.master.cli.desk import SITE, Workplace, err


def test_shows_file_line_and_column_and_suggests(place: Workplace) -> None:
    place.found("library")
    place.site("library", SITE.replace("labels", "lables"))
    done = place.run("lint")
    assert done.exit_code == 2
    assert "sites/library.yaml:2:1  error:" in done.stdout
    assert 'did you mean "labels"?' in done.stdout
    assert "1 error in 3 files" in done.stdout


def test_a_good_estate_ends_0_and_leads_to_the_plan(place: Workplace) -> None:
    place.found("library")
    done = place.run("lint")
    assert done.exit_code == 0
    assert err(done).splitlines()[-1] == "next: orch plan"


def test_warnings_count_where_it_is_strict(place: Workplace) -> None:
    place.found("library")
    (place.estate / "lists" / "unused.list").write_text("rsync\n")
    assert place.run("lint").exit_code == 0
    assert place.run("lint", "--strict").exit_code == 2


def test_a_script_gets_each_finding(place: Workplace) -> None:
    place.found("library")
    place.site("library", SITE.replace("labels", "lables"))
    told = json.loads(place.run("lint", "--output", "json").stdout)
    assert told["schema"] == "orch/lint/1"
    assert told["ok"] is False
    assert (told["findings"][0]["file"], told["findings"][0]["line"]) == ("sites/library.yaml", 2)


def test_needs_neither_keys_nor_the_centre(place: Workplace) -> None:
    centre = place.found("library")
    centre.reachable = False
    for path in (place.home / "netgate").iterdir():
        path.unlink()
    assert place.run("lint").exit_code == 0


def test_target_names_hosts_from_the_files_alone(place: Workplace) -> None:
    centre = place.found("library", "school")
    centre.reachable = False
    done = place.run("target", "kind=library and not school")
    assert done.exit_code == 0, done.output
    assert "library/srv1" in done.stdout
    assert "school" not in done.stdout
    told = json.loads(place.run("target", "--output", "json").stdout)
    assert [row["host"] for row in told["hosts"]] == ["library/srv1", "school/srv1"]


def test_a_wrong_target_is_marked_and_gets_a_suggestion(place: Workplace) -> None:
    place.found("library")
    done = place.run("target", "libary")
    assert done.exit_code == 2
    assert "^^^^^^" in err(done)
    assert 'did you mean "library"?' in err(done)


def test_a_state_that_is_none_gets_a_suggestion(place: Workplace) -> None:
    place.found("library")
    done = place.run("target", "state:ofline")
    assert done.exit_code == 2
    assert 'did you mean "offline"?' in err(done)


def test_files_of_another_estate_are_not_applied(place: Workplace) -> None:
    place.found("library")
    path = place.estate / "estate.yaml"
    path.write_text(path.read_text().replace("estate: netgate", "estate: other"))
    done = place.run("plan")
    assert done.exit_code == 2
    assert "an estate keeps its name" in err(done)
