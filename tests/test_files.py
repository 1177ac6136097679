"""Files are whole or absent, whoever else writes them at the same time, and nothing is left beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from regimen.errors import RunError
from regimen.files import abandoned, abandoned_folders, appearing, replacing, scratch, sweep, write_bytes, write_text
from regimen.locks import FileLock, is_locked

WRITER = """
import sys
from pathlib import Path
from regimen.files import replacing
path, letter = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for _ in range(40):
    with replacing(path) as neighbour, neighbour.open("w") as file:
        for _ in range(50):
            file.write(letter * 1000)
            file.flush()
"""
HOLDER = """
import sys
from pathlib import Path
from regimen.files import replacing
with replacing(Path(sys.argv[1])) as neighbour:
    neighbour.write_text("half")
    print("ready", flush=True)
    sys.stdin.readline()
"""


def started(code: str, *words: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_three_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    writers = [started(WRITER, path, letter) for letter in "abc"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            text = path.read_text()
            assert (len(text), len(set(text))) == (50_000, 1)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    for writer in writers:
        writer.communicate()


def test_the_next_write_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "report[1].html"
    path.write_text("old")
    killed, living = started(HOLDER, path), started(HOLDER, path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert path.read_text() == "old"
    assert len(abandoned(tmp_path)) == 1
    write_text(path, "new")
    assert abandoned(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 2, "the neighbour of a living writer stays"
    living.communicate("\n")
    assert living.returncode == 0
    assert path.read_text() == "half"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_leaves_the_old_file_and_no_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")

    def half() -> None:
        with replacing(path) as neighbour:
            neighbour.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="must be writable"):
        write_bytes(tmp_path / "folder", b"x")
    assert abandoned(tmp_path) == []


def test_a_sweep_leaves_other_files_alone(tmp_path: Path) -> None:
    for name in ("notes.tmp", ".hidden", "plain"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".old.tmp").write_text("left by a killed process")
    sweep(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".hidden", "notes.tmp", "plain"]


def test_new_files_have_the_rights_that_the_user_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    if os.name == "posix":
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_lock_is_one_process_s_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from regimen.locks import FileLock\n"
        "lock = FileLock.take(Path(sys.argv[1])); lock.say('me'); print('ready', flush=True); sys.stdin.readline()"
    )
    other = started(code, path)
    assert FileLock.take(path) is None
    assert is_locked(path)
    assert path.read_text() == "me"
    other.kill()
    other.communicate()
    assert not is_locked(path)
    lock = FileLock.take(path)
    assert lock is not None
    assert is_locked(path)
    lock.release(remove=True)
    assert not path.exists()
    assert not is_locked(path)


FILLER = """
import sys
from pathlib import Path
from regimen.files import appearing
with appearing(Path(sys.argv[1])) as folder:
    (folder / "a").write_text("half")
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    killed, living = started(FILLER, place / "one"), started(FILLER, place / "two")
    killed.kill()
    killed.communicate()
    assert len(abandoned_folders(place)) == 1
    with appearing(place / "three") as folder:
        assert folder.name == "three"
        (folder / "a").write_text("whole")
        assert not (place / "three").exists()
    assert abandoned_folders(place) == []
    living.communicate("\n")
    assert sorted(each.name for each in place.iterdir()) == ["three", "two"]
    assert [each.name for each in (place / "three").iterdir()] == ["a"]

    def fail() -> None:
        with appearing(place / "four") as folder:
            (folder / "a").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sorted(each.name for each in place.iterdir()) == ["three", "two"]


def test_a_scratch_folder_goes_with_its_block_or_with_the_next_one(tmp_path: Path) -> None:
    with scratch("regimen-test-", tmp_path) as folder:
        (folder / "inside").write_text("x")
        assert abandoned_folders(tmp_path, "regimen-test-") == []
    assert list(tmp_path.iterdir()) == []
    young, old = tmp_path / "regimen-test-young", tmp_path / "regimen-test-old"
    for left in (young, old):
        left.mkdir()
    os.utime(old, (0, 0))
    with scratch("regimen-test-", tmp_path):
        assert young.exists(), "it may still be about to get its lock"
        assert not old.exists()
