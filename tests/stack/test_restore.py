"""`./lab restore` brings changed files back, asks first, and loses nothing."""

import stat
from pathlib import Path

import pytest

from labkit.course.restore import restore
from labkit.errors import LabError
from labkit.stack.changes import changed_files
from tests.helpers.small_lab import SmallLab, write

SUMS = "work/sums.py"


@pytest.fixture
def lab(small_lab: SmallLab) -> SmallLab:
    """A small lab, committed."""
    small_lab.lesson()
    small_lab.commit()
    return small_lab


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the patches go."""
    return tmp_path / "home"


def bring_back(lab: SmallLab, home: Path) -> None:
    restore(yes=True, root=lab.root, home=home)


def patches(home: Path) -> list[Path]:
    return sorted((home / "restored").glob("*.patch"))


def test_changed_files_come_back(lab, home):
    before = (lab.root / SUMS).read_text()
    lab.edit(SUMS, "+", "-")
    bring_back(lab, home)
    assert (lab.root / SUMS).read_text() == before
    assert changed_files(lab.root) == []


def test_a_deleted_and_committed_for_deletion_file_comes_back(lab, home):
    lab.git("rm", "-q", "celery_app.py", SUMS)
    bring_back(lab, home)
    assert (lab.root / SUMS).is_file()
    assert (lab.root / "celery_app.py").is_file()
    assert lab.git("status", "--porcelain") == ""


def test_a_deleted_folder_comes_back(lab, home):
    for file in (lab.root / "work").iterdir():
        file.unlink()
    (lab.root / "work").rmdir()
    bring_back(lab, home)
    assert (lab.root / SUMS).is_file()


def test_the_patch_holds_the_changes_and_can_be_applied(lab, home):
    lab.edit(SUMS, "+", "-")
    (lab.root / "work/text.py").unlink()
    mine = (lab.root / SUMS).read_text()
    bring_back(lab, home)
    lab.git("apply", str(patches(home)[0]))
    assert (lab.root / SUMS).read_text() == mine
    assert not (lab.root / "work/text.py").exists()


def test_the_patch_holds_bytes_that_are_no_text(lab, home):
    (lab.root / SUMS).write_bytes(b"\x00\xff\r\n\xfe")
    bring_back(lab, home)
    lab.git("apply", str(patches(home)[0]))
    assert (lab.root / SUMS).read_bytes() == b"\x00\xff\r\n\xfe"


def test_the_patch_is_whole_whatever_git_is_set_to(lab, home):
    for name, value in [
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.external", "true"),
    ]:
        lab.git("config", name, value)
    lab.edit(SUMS, "+", "-")
    bring_back(lab, home)
    lab.git("apply", str(patches(home)[0]))
    assert "x - y" in (lab.root / SUMS).read_text()


def test_a_staged_change_comes_back_and_is_kept(lab, home):
    lab.edit(SUMS, "+", "-")
    lab.git("add", SUMS)
    bring_back(lab, home)
    assert lab.git("status", "--porcelain") == ""
    assert "+    return x - y" in patches(home)[0].read_text()


def test_what_was_staged_is_kept_also_where_the_working_tree_holds_something_else(lab, home):
    lab.edit(SUMS, "+", "-")
    lab.git("add", SUMS)
    lab.edit(SUMS, "-", "*")
    bring_back(lab, home)
    tree, staged = patches(home)[1], patches(home)[0]
    if "-staged" in tree.name:
        tree, staged = staged, tree
    assert "return x * y" in tree.read_text()
    assert "return x - y" in staged.read_text()


def test_a_change_that_is_only_staged_is_seen_and_kept(lab, home):
    lab.edit(SUMS, "+", "-")
    lab.git("add", SUMS)
    lab.edit(SUMS, "-", "+")
    assert changed_files(lab.root) == [SUMS]
    bring_back(lab, home)
    assert lab.git("status", "--porcelain") == ""
    assert "return x - y" in patches(home)[0].read_text()


def test_a_changed_mode_comes_back(lab, home):
    (lab.root / SUMS).chmod(0o755)
    bring_back(lab, home)
    assert not (lab.root / SUMS).stat().st_mode & stat.S_IXUSR


def test_names_with_spaces_and_other_alphabets_come_back(lab, home):
    name = "work/мой 欢迎.py"
    write(lab.root / name, "one\n")
    lab.commit()
    write(lab.root / name, "two\n")
    bring_back(lab, home)
    assert (lab.root / name).read_text() == "one\n"


def test_playgrounds_and_new_files_stay_as_they_are(lab, home):
    own = ["tasks/playground.py", "examples/playground.py", "tasks/new.py", "work/staged.py"]
    for name in own:
        write(lab.root / name, "mine = 2\n")
    lab.git("add", "work/staged.py")
    lab.edit(SUMS, "+", "-")
    bring_back(lab, home)
    assert {(lab.root / name).read_text() for name in own} == {"mine = 2\n"}


def test_files_outside_the_lessons_stay_as_they_are(lab, home):
    write(lab.root / "README.md", "one\n")
    lab.commit()
    write(lab.root / "README.md", "two\n")
    bring_back(lab, home)
    assert (lab.root / "README.md").read_text() == "two\n"


def test_a_lab_inside_a_larger_repository_restores_its_own_files_alone(tmp_path, home):
    lab = SmallLab(tmp_path / "larger/lab")
    larger = SmallLab(tmp_path / "larger")
    larger.commit()
    lab.edit(SUMS, "+", "-")
    larger.edit(SUMS, "+", "-")
    bring_back(lab, home)
    assert "x + y" in (lab.root / SUMS).read_text()
    assert "x - y" in (larger.root / SUMS).read_text()
    lab.git("apply", str(patches(home)[0]))
    assert "x - y" in (lab.root / SUMS).read_text()


def test_the_changed_files_are_listed_before_anything_happens(lab, home, capsys):
    lab.edit(SUMS, "+", "-")
    bring_back(lab, home)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["changed files:", f"  {SUMS}", "restored 1 file"]
    assert lines[3].startswith("your version is kept, and comes back with: git apply ")


def test_nothing_changed_is_said_and_leaves_no_patch(lab, home, capsys):
    bring_back(lab, home)
    assert "nothing to restore" in capsys.readouterr().out
    assert patches(home) == []


def test_a_no_leaves_everything_as_it_is(lab, home, monkeypatch, capsys):
    lab.edit(SUMS, "+", "-")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda _question: False)
    restore(yes=False, root=lab.root, home=home)
    assert "nothing was restored" in capsys.readouterr().out
    assert "x - y" in (lab.root / SUMS).read_text()


def test_the_playground_comes_back_when_it_is_named_and_nothing_else_does(lab, home, capsys):
    write(lab.root / "tasks/playground.py", "# mine\n")
    lab.git("add", "-A")
    lab.git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "mine")
    lab.edit("tasks/playground.py", "# mine", "def (")
    lab.edit(SUMS, "+", "-")
    restore(["tasks/playground.py"], yes=True, root=lab.root, home=home)
    assert (lab.root / "tasks/playground.py").read_text() == "# mine\n"
    assert "x - y" in (lab.root / SUMS).read_text()
    assert "restored 1 file" in capsys.readouterr().out


def test_a_named_file_that_is_as_it_was_is_said(lab, home, capsys):
    lab.edit(SUMS, "+", "-")
    restore(["celery_app.py"], yes=True, root=lab.root, home=home)
    assert capsys.readouterr().out == "nothing to restore: celery_app.py is as it was committed\n"


@pytest.mark.parametrize("name", ["README.md", "../x.py", "/etc/hostname", "labkit/cli.py"])
def test_a_file_that_no_learner_changes_is_refused(lab, home, name):
    with pytest.raises(LabError, match="restore brings back files of") as caught:
        restore([name], yes=True, root=lab.root, home=home)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_is_said_so(lab, home):
    with pytest.raises(LabError, match="there is no file"):
        restore(["examples/basic/77_none.py"], yes=True, root=lab.root, home=home)


def test_where_nobody_can_be_asked_it_names_the_option(lab, home):
    lab.edit(SUMS, "+", "-")
    with pytest.raises(LabError, match=r"hint: \./lab restore --yes"):
        restore(yes=False, root=lab.root, home=home)
    assert "x - y" in (lab.root / SUMS).read_text()


def test_without_git_it_says_so(small_lab, home):
    with pytest.raises(LabError, match="not under git"):
        bring_back(small_lab, home)


def test_a_repository_that_does_not_hold_the_lab_counts_as_no_git(small_lab, home):
    small_lab.git("init", "-q")
    assert changed_files(small_lab.root) is None


def test_nothing_is_restored_where_the_changes_cannot_be_kept(lab, tmp_path):
    lab.edit(SUMS, "+", "-")
    write(tmp_path / "home", "a file where the folder should be")
    with pytest.raises(LabError, match="nothing was restored"):
        bring_back(lab, tmp_path / "home")
    assert "x - y" in (lab.root / SUMS).read_text()


def test_the_settings_of_a_git_hook_do_not_lead_elsewhere(lab, home, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    lab.edit(SUMS, "+", "-")
    assert changed_files(lab.root) == [SUMS]
