"""Who may do what."""

import os
import socket

import pytest

from weaver.management.roles import Credentials, Role, peer_credentials, role_of


@pytest.mark.parametrize(("uid", "role"), [(1000, Role.ADMIN), (0, Role.ADMIN), (1001, None)])
def test_user_of_the_process_and_root_are_admins(uid: int, role: Role | None) -> None:
    assert role_of(Credentials(1, uid, uid), own_uid=1000) is role


def test_credentials_are_those_of_the_other_process() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_credentials(one) == Credentials(os.getpid(), os.getuid(), os.getgid())
