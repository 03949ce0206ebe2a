"""The scripts that make the environment and run things in it, and rules that hold for every file of the repository."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXECUTABLE = ["run", "test", ".ci/run"]
LONGEST_MODULE = 350

# Assembled, so that this file does not name them.
REGISTRIES = [".".join(words) for words in (["pypi", "org"], ["deb", "debian", "org"], ["registry", "npmjs"])]
REGISTRIES.append("python" + "hosted")
MACHINE_FOLDERS = [f"/{name}/" for name in ("work", "farm", "root")] + ["/tmp/" + "bash_jobs"]

# Stands in for uv. The `liqgrid` it installs says how it was called. It fails while the file `fail` exists, and takes
# its time while `hold` does. Its Python can do nothing but say that it is one, so no test reaches for the network.
UV = """#!/bin/sh
here=$(dirname "$0")
echo "$1 $PWD" >>"$here/calls"
if [ "$1" = venv ]; then
    for venv; do :; done
    mkdir -p "$venv/bin"
    printf '#!/bin/sh\\n[ "$2" = -c ]\\n' >"$venv/bin/python"
    chmod +x "$venv/bin/python"
    exit
fi
[ ! -e "$here/fail" ] || { echo "no network" >&2; exit 1; }
while [ -e "$here/hold" ]; do sleep 0.05; done
printf '#!/bin/sh\\nprintf "%%s|" "$@" "$PWD" "${PYTHONPATH-}"\\n' >.venv/bin/liqgrid
chmod +x .venv/bin/liqgrid
"""


def project_files() -> list[Path]:
    """Every file that is in the repository or would be with the next `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def lines_that_name(words: list[str]) -> list[str]:
    pattern = re.compile("|".join(map(re.escape, words)))
    found = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return found


class Project:
    """A project of nothing but the scripts, in a path with spaces, with the stand-in for uv."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a project"
        self.tools = folder / "tools"
        self.elsewhere = folder / "else where"
        for made in (self.root / "scripts", self.tools, self.elsewhere):
            made.mkdir(parents=True)
        for name in ("run", "scripts/environment.sh"):
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "pyproject.toml").write_text("[project]\n")
        uv = self.tools / "uv"
        uv.write_text(UV)
        uv.chmod(0o755)

    def start(self, *arguments: str, path: str | None = None) -> subprocess.Popen[str]:
        """`run`, from another directory, in a session of its own."""
        return subprocess.Popen(
            [self.root / "run", *arguments],
            cwd=self.elsewhere,
            env={**os.environ, "PATH": path or f"{self.tools}:{os.environ['PATH']}", "PYTHONPATH": "/nowhere"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, path: str | None = None) -> tuple[int, list[str], str]:
        """Exit code, how liqgrid was called (arguments, directory, PYTHONPATH), standard error."""
        process = self.start(*arguments, path=path)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output.split("|")[:-1], errors

    def calls(self) -> list[str]:
        """What was asked of uv, in order."""
        record = self.tools / "calls"
        return [line.split()[0] for line in record.read_text().splitlines()] if record.exists() else []

    def wait_for_call(self, call: str) -> None:
        deadline = time.monotonic() + 30
        while call not in self.calls():
            assert time.monotonic() < deadline, "the installation did not start"
            time.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("name", [*EXECUTABLE, "scripts/environment.sh"])
def test_script_parses(name: str) -> None:
    result = subprocess.run(["bash", "-n", str(ROOT / name)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", EXECUTABLE)
def test_script_is_executable(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    listed = subprocess.run(
        ["git", "ls-files", "-s", name], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not listed or listed.startswith("100755 "), "the bit is not in the repository: git update-index --chmod=+x"


def test_no_file_names_a_package_registry() -> None:
    assert lines_that_name(REGISTRIES) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert lines_that_name(MACHINE_FOLDERS) == []


def test_search_of_the_files_finds_what_is_there() -> None:
    assert any(line.startswith("run:") for line in lines_that_name(["make_environment"]))


def test_modules_stay_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "liqgrid").rglob("*.py")}
    assert lengths
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n >= LONGEST_MODULE} == {}


def test_first_use_installs_and_the_second_does_not(project: Project) -> None:
    code, called, said = project.run("status")
    assert (code, called) == (0, ["status", str(project.elsewhere), ""])
    assert "installing" in said
    assert "ready" in said
    assert project.run("status") == (0, called, "")
    assert project.calls() == ["venv", "pip"]


def test_changed_pyproject_installs_again_into_the_same_environment(project: Project) -> None:
    project.run()
    kept = project.root / ".venv" / "kept"
    kept.touch()
    (project.root / "pyproject.toml").write_text("[project]\nname = 'changed'\n")
    assert project.run()[0] == 0
    assert project.calls() == ["venv", "pip", "pip"]
    assert kept.exists()


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ([], ["up"]),
        (["--demo", "--port", "0"], ["up", "--demo", "--port", "0"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["status", "--json"], ["status", "--json"]),
        (["BTC USDT_1h.csv", "b.csv"], ["up", "BTC USDT_1h.csv", "b.csv"]),
        (["missing/BARS.CSV"], ["up", "missing/BARS.CSV"]),
        (["there.dat"], ["up", "there.dat"]),
        (["missing.dat"], ["missing.dat"]),
        (["serve"], ["serve"]),
    ],
)
def test_short_forms_of_up(project: Project, given: list[str], called: list[str]) -> None:
    (project.elsewhere / "there.dat").touch()
    (project.elsewhere / "serve").touch()  # a file does not hide the verb of its name
    assert project.run(*given)[1][:-2] == called


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_installation_cut_off_is_made_again(project: Project, blow: signal.Signals) -> None:
    hold = project.tools / "hold"
    hold.touch()
    process = project.start()
    project.wait_for_call("pip")
    os.killpg(process.pid, blow)
    process.communicate(timeout=60)
    assert process.returncode != 0
    half = project.root / ".venv" / "half"
    half.touch()
    hold.unlink()
    code, called, said = project.run("status")
    assert (code, called[0]) == (0, "status")
    assert "cut off" in said
    assert not half.exists()
    assert project.run("status")[2] == ""


def test_two_at_once_install_once(project: Project) -> None:
    hold = project.tools / "hold"
    hold.touch()
    first = project.start("first")
    project.wait_for_call("pip")
    second = project.start("second")
    time.sleep(0.3)
    assert second.poll() is None
    hold.unlink()
    assert [p.communicate(timeout=60)[0].split("|")[0] for p in (first, second)] == ["first", "second"]
    assert project.calls() == ["venv", "pip"]


def test_moved_project_gets_a_new_environment(project: Project) -> None:
    project.run()
    project.root = project.root.rename(project.root.with_name("moved"))
    code, _, said = project.run()
    assert code == 0
    assert "moved" in said
    assert project.calls() == ["venv", "pip", "venv", "pip"]


def test_failed_installation_says_so_and_is_tried_again(project: Project) -> None:
    fail = project.tools / "fail"
    fail.touch()
    code, called, said = project.run("status", path=f"{project.tools}:{no_python(project)}")
    assert (code, called) == (1, [])
    assert "no network" in said
    assert "could not install" in said
    fail.unlink()
    assert project.run("status")[0] == 0


def test_without_python_and_uv_it_says_what_it_needs(project: Project) -> None:
    code, called, said = project.run("status", path=str(no_python(project)))
    assert (code, called) == (2, [])
    assert "Python 3.11" in said
    assert not (project.root / ".venv").exists()


def no_python(project: Project) -> Path:
    """A folder of the commands the scripts need, Python not among them."""
    folder = project.tools / "bare"
    folder.mkdir()
    for name in ("bash", "sh", "cat", "chmod", "dirname", "flock", "ln", "mkdir", "mv", "rm", "sleep"):
        if command := shutil.which(name):
            (folder / name).symlink_to(command)
    return folder
