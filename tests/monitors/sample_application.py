"""What an application may do that the server and the shipped applications do not; each function passes one family."""

import json
import logging
import socket
import sqlite3
from contextlib import closing
from string import Template

import gevent
from gevent.event import Event

log = logging.getLogger(__name__)


def get_connection() -> None:
    with closing(sqlite3.connect(":memory:")):
        pass


def close_connection() -> None:
    connection = sqlite3.connect(":memory:")
    connection.close()


def commit_and_roll_back() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.commit()
        connection.rollback()


def make_statement() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.cursor()


def execute() -> list[object]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table calls (id)")
        cursor = connection.cursor()
        cursor.executemany("insert into calls values (?)", [(1,), (2,)])
        return cursor.execute("select id from calls").fetchall()


def write_to_log() -> None:
    log.info("one line")


def look_up() -> object:
    return socket.getaddrinfo("127.0.0.1", 5060, flags=socket.AI_NUMERICHOST)


def switch() -> None:
    gevent.sleep(0)
    Event().wait(0)


def render() -> str:
    return Template("$who").substitute(who="you")


def encode_and_decode() -> object:
    return json.loads(json.dumps({"a": 1}))
