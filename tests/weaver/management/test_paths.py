"""Where admin sockets lie."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from weaver.management.paths import default_path, find_sockets, socket_folders

TEMPORARY = Path(tempfile.gettempdir()) / f"weaver-{os.getuid()}"


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/1"}, Path("/run/a/admin.sock")),
        ({"XDG_RUNTIME_DIR": "/run/user/1"}, Path("/run/user/1/weaver/web-7.sock")),
        ({"RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": ""}, TEMPORARY / "web-7.sock"),
    ],
)
def test_default_path_follows_the_environment(environment: dict[str, str], path: Path) -> None:
    assert default_path("web", environment, 7) == path


def test_name_in_a_path_has_no_separators() -> None:
    assert default_path("../a b", {}, 7) == TEMPORARY / ".._a_b-7.sock"
    assert default_path("", {}, 7).name == "weaver-7.sock"
    assert default_path(environment={}).name == f"weaver-{os.getpid()}.sock"


def test_client_looks_where_servers_put_their_sockets_each_folder_once() -> None:
    user = f"/run/user/{os.getuid()}"

    folders = socket_folders({"RUNTIME_DIRECTORY": "/run/a", "XDG_RUNTIME_DIR": user})

    assert folders == (Path("/run/a"), Path(user) / "weaver", TEMPORARY, Path("/run/weaver"))


def test_only_sockets_of_private_folders_are_found(tmp_path: Path) -> None:
    for name, mode in (("mine", 0o700), ("everybodys", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(tmp_path / name / "a.sock"))
        (tmp_path / name / "file.sock").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "mine")

    folders = (tmp_path / "none", tmp_path / "link", tmp_path / "everybodys", tmp_path / "mine")

    assert find_sockets(folders) == [tmp_path / "mine" / "a.sock"]
