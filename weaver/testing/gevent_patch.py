"""Patch the standard library for gevent before pytest imports anything else: ``pytest -p weaver.testing.gevent_patch``.

A ``conftest.py`` is too late: a plugin that is loaded before it may have imported ``ssl``.
"""

from gevent import monkey

monkey.patch_all()
