"""Files are never half-written: there is the old one or the new one, and no temporary file remains."""

from __future__ import annotations

import os
import stat

import pytest

from grader.files import write_whole


@pytest.mark.parametrize("text", ["", "one line\n", "Jᵀv − ∂y/∂x\n", "a\r\nb\n"])
def test_text_is_written_as_it_is_in_utf8(tmp_path, text):
    path = tmp_path / "a.json"
    write_whole(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert os.listdir(tmp_path) == ["a.json"]


def test_old_text_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("a much longer text than the new one")
    write_whole(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "os.chmod"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", ["the old text", None])
def test_interrupted_at_any_step_it_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step, error, old):
    path = tmp_path / "a.json"
    if old is not None:
        path.write_text(old)

    def interrupted(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(step, interrupted)
        with pytest.raises(type(error)):
            write_whole(path, "the new text")
    assert (path.read_text() if path.exists() else None) == old
    assert os.listdir(tmp_path) == ([] if old is None else ["a.json"])
    write_whole(path, "the new text")  # uninterrupted it goes through
    assert path.read_text() == "the new text"


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of a pair: \ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_mode_of_the_old_file_is_kept(tmp_path, mode):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_new_file_can_be_read_by_others_and_written_by_its_owner_only(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_folder_that_does_not_exist_is_an_error_and_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "a.json", "text")
    assert not (tmp_path / "nowhere").exists()


def test_folder_in_the_way_is_an_error_and_stays(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        write_whole(tmp_path / "a.json", "text")
    assert os.listdir(tmp_path) == ["a.json"]
