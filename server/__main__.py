"""``python -m server APP ...``: the server with no weaver in the process.

Errors: exit code 2 with every fault of the configuration on standard error; 1 when an address cannot be bound.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import argparse
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

import gevent
from gevent.event import Event

from server.config import load_config
from server.errors import ConfigError
from server.node import Node
from server.testing.demo import start_demo

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; return the exit code.

    Switches: yes.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level, format=options.log_format)
    try:
        config = load_config(options.config).with_command_line(
            sip=options.sip, http=options.http, outbound_proxy=options.outbound_proxy
        )
        node = Node(config, options.applications, demo=options.demo)
        node.start()
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    gevent.signal_handler(signal.SIGHUP, _reload, node)
    phones = start_demo(*node.udp.local) if options.demo else []
    _banner(node, demo=options.demo)
    try:
        ended.wait()
    finally:
        for phone in phones:
            phone.stop()
        node.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server", allow_abbrev=False, description="A SIP and HTTP application server."
    )
    parser.add_argument("applications", nargs="+", metavar="APP", help="package of an application: apps.click2call")
    parser.add_argument("--sip", metavar="HOST:PORT", help="where to listen for SIP, UDP and TCP; port 0: a free one")
    parser.add_argument("--http", metavar="HOST:PORT", help="where to listen for HTTP")
    parser.add_argument("--outbound-proxy", metavar="sip:HOST:PORT", help="where requests go that have no other way")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings over those of server/defaults.toml")
    parser.add_argument("--demo", action="store_true", help="start two scripted phones, alice and bob")
    parser.add_argument("--log-format", default=LOG_FORMAT, metavar="FORMAT", help="what a line of the log looks like")
    parser.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser


def _reload(node: Node) -> None:
    """Read the certificates again; if they cannot be used, say so and go on with those there are."""
    try:
        node.reload_certificates()
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr, flush=True)


def _banner(node: Node, *, demo: bool) -> None:
    lines = [f"{name}: {address}" for name, address in node.bound().items()]
    if demo and node.http is not None:
        lines.append(f"try: open http://{node.bound()['http']}/ and press Call; alice and bob are registered here")
    print("\n".join([*lines, "ready"]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
