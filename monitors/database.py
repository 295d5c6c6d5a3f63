"""Database_*: an application uses a database through the Python Database API (PEP 249).

Drivers are mostly written in C, so it is the calls in woven modules that are joinpoints. Which class a connection or
cursor has is asked when a call is reached: any whose name ends so.
"""

from __future__ import annotations

from monitors.family import Family, calls, register_all
from weaver.api import Plugins

CONNECTION = "*Connection+"
CURSOR = "*Cursor+"

FAMILIES = (
    Family(
        "Database_*_GetConnection",
        "application",
        "a database is connected to",
        calls("{sqlite3,psycopg,psycopg2,pymysql,MySQLdb,mariadb,oracledb,pyodbc}..connect"),
    ),
    Family(
        "Database_*_CloseConnection",
        "application",
        "a database connection is closed",
        calls(f"{CONNECTION}.close"),
    ),
    Family(
        "Database_*_CommitRollback",
        "application",
        "a transaction is committed or rolled back",
        calls(f"{CONNECTION}.commit", f"{CONNECTION}.rollback"),
    ),
    Family(
        "Database_*_Statement",
        "application",
        "a cursor is made",
        calls(f"{CONNECTION}.cursor"),
    ),
    Family(
        "Database_*_Execute",
        "application",
        "a statement is executed",
        calls(f"{CONNECTION}.execute*", f"{CURSOR}.execute*"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
