"""A file of a lesson's own."""

from labkit.own.files import own_file


def test_the_file_and_what_is_called_after_it_are_gone_before_and_after(tmp_path):
    (tmp_path / "state.db").write_text("left over")
    with own_file("state", tmp_path) as path:
        assert list(tmp_path.iterdir()) == []
        path.write_text("")
        (tmp_path / "state.dir").write_text("")
        (tmp_path / "other").write_text("")
    assert [one.name for one in tmp_path.iterdir()] == ["other"]
