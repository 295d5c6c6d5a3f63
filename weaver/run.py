"""``python -m weaver.run APP ...``: the composition root; patches first, weaves, runs the target.

``python -m weaver.run -m MODULE ARGUMENTS`` runs any other module under the weaver.

Errors: exit code 2 with every fault of ``instrumentation.toml`` on standard error.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import argparse
import importlib
import logging
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from signal import SIGHUP
from types import CodeType, FunctionType, ModuleType

from weaver import function_version, hook, redaction
from weaver.config import Draft, InstrumentationConfig, read_draft
from weaver.config_faults import monitor_faults
from weaver.config_show import effective
from weaver.config_values import plugin_faults, plugin_names, value_faults
from weaver.dye import NAMES
from weaver.errors import InstrumentationConfigError
from weaver.event import EventBuffer, Origin
from weaver.fallback import ASSEMBLER, Engine, choose_engine
from weaver.file_watch import FileWatch
from weaver.gevent_support import GeventRuntime, current_task, follow_tasks, interrupt, unpatched
from weaver.hanging import GUARD
from weaver.log import keep_audit
from weaver.log_context import DyedDebug, follow_logging
from weaver.main_module import find_main, run_as_main
from weaver.management.changes import Changes
from weaver.management.config_methods import config_methods
from weaver.management.dye_methods import dye_methods
from weaver.management.events import event_methods
from weaver.management.look_back_methods import look_back_methods
from weaver.management.methods import standard_methods
from weaver.management.notice_methods import notice_methods
from weaver.management.rpc import MethodLike
from weaver.management.socket import AdminSocket, default_path
from weaver.management.watch_methods import watch_methods
from weaver.parts import Parts
from weaver.plugins import Plugins
from weaver.pointcut.named import parse_named
from weaver.pointcut.nodes import Pointcut
from weaver.registry import Registry
from weaver.reload import Apply, Reload
from weaver.sinks.open import Sinks
from weaver.watch_actions import watch_actions
from weaver.watches import Watches
from weaver.woven_cache import WovenCache

log = logging.getLogger(__name__)

FILE = "instrumentation.toml"


class Weaver:
    """The weaver of one process: registry, events, hook and admin socket."""

    def __init__(self, config: InstrumentationConfig, path: Path, engine: Engine = ASSEMBLER) -> None:
        self.runtime = GeventRuntime()
        events = config.events
        server = socket.gethostname() if events.server is None else events.server
        self.buffer = EventBuffer(events.ring, Origin(events.domain, server, self.runtime.task_name))
        self.registry = Registry(self.buffer, WovenCache(), engine)
        self.plugins = Plugins(self.registry)
        self.config = config
        self._sinks = Sinks(events, self.buffer, self.runtime)
        self._parts = Parts()
        self._changes = Changes(self.registry, self.runtime.after)
        self._named: dict[str, Pointcut] = {}
        self._watches = Watches(
            self.registry.notices,
            watch_actions(self.registry.notices, self.plugins.look_back, self.methods),
            self.registry.counters,
        )
        dyed_debug = DyedDebug()
        self._live: dict[str, Apply] = {
            "redaction": lambda new: redaction.hide(*new.redaction_of()),
            "pointcuts": self._name,
            "dyes": lambda new: self.registry.rules.take_file(new.dyes.width, new.dyes.rules),
            "watches": lambda new: self._watches.take(new.all_watches()),
            "logging": lambda new: dyed_debug.required(new.logging.dyed_debug),
        }
        self._reload = Reload(path.absolute(), self.registry, NAMES, self._live)
        self._watch = FileWatch(path.absolute(), partial(self._reload.try_to_take, "the file has changed"))

    @property
    def path(self) -> Path:
        """The file."""
        return self._reload.path

    def load(self) -> Draft:
        """Load the plugins and read the file; ``config`` is then what it says.

        Errors: InstrumentationConfigError with the faults of all of it.
        """
        draft = read_draft(self.path)
        faults = plugin_faults(self.plugins.load_all(plugin_names(draft)))
        faults += monitor_faults(draft.values, None, None) if faults else value_faults(draft, self.registry, NAMES)
        self.config = draft.checked(faults)
        return draft

    def start(self) -> None:
        """Load plugins, take the file, start all parts; the last of them is the hook.

        Errors: InstrumentationConfigError with every fault; then nothing has been started.
        """
        draft = self.load()
        try:
            self._start_parts(draft)
        except BaseException:
            self.stop()
            raise

    def _start_parts(self, draft: Draft) -> None:
        config, parts = self.config, self._parts
        parts.start("function versions", self._keep_versions, function_version.switch_off)
        for section, take in self._live.items():
            parts.start(f"[{section}]", partial(take, config), partial(take, InstrumentationConfig()))
        parts.start("event sinks", self._sinks.start, self._sinks.stop)
        parts.begin("contexts across tasks", follow_tasks)
        parts.begin("contexts in log records", follow_logging)
        parts.begin("audit log", keep_audit)
        parts.begin("dye rules", lambda: self.registry.rules.clear)
        parts.start("guard against actions that hang", self._guard, GUARD.stop)
        parts.start("monitors", lambda: self._reload.begin(draft, config), self._switch_off)
        parts.begin("live changes", lambda: self._changes.stop)
        parts.begin("watches", lambda: self._watches.start(self.buffer, self.runtime))
        parts.begin("import hook", self._install)
        if config.weaver.reload_interval:
            look = partial(self.runtime.repeat, "reload", config.weaver.reload_interval, self._watch.look)
            parts.begin("watch over the file", look)

    def reload_on(self, signal: int) -> None:
        """Take the file when a signal comes."""
        take = partial(self._reload.try_to_take, f"signal {signal}")
        self._parts.begin("reload by signal", lambda: self.runtime.on_signal(signal, take))

    def open_socket(self, path: Path | None) -> Path:
        """Open the admin socket; return where it is.

        Errors: OSError.
        """
        given = self.config.admin.socket
        path = path or (Path(given) if given else default_path())
        admin = AdminSocket(path, self.methods(), self.buffer, self.runtime, notices=self.registry.notices)
        return self._parts.start("admin socket", admin.start, admin.stop)

    def methods(self) -> dict[str, MethodLike]:
        """Return what the admin socket can be asked, in which the file's named pointcuts may be used."""
        return {
            **standard_methods(self.registry, self.buffer, self._named, self._changes, lambda: self.runtime.sleep(0)),
            **dye_methods(self.registry.rules, self.registry.is_dyeing),
            **event_methods(self.buffer, self._sinks.opened, self._sinks.archive, self.runtime.call_in_thread),
            **config_methods(self._reload, lambda: effective(self._reload.taken, self.registry)),
            **notice_methods(self.registry.notices),
            **look_back_methods(self.plugins.look_back),
            **watch_methods(self._watches),
            **self.plugins.methods,
        }

    def stop(self) -> None:
        """Put every original code object back and close what is open."""
        self._parts.stop()

    def on_main(self, name: str, module: ModuleType, body: FunctionType) -> None:
        """Take in a module that is about to run as ``__main__``, if it may be woven."""
        if self._in_scope(name):
            self.registry.on_main(name, module, body)

    def _in_scope(self, name: str) -> bool:
        weaving = self.config.weaving
        if any(name == out or name.startswith(out + ".") for out in weaving.exclude):
            return False
        return any(name == prefix or name.startswith(prefix + ".") for prefix in weaving.prefixes)

    def _on_code(self, module: ModuleType, code: CodeType) -> CodeType:
        return self.registry.on_code(module, code) if self._in_scope(module.__name__) else code

    def _on_module(self, module: ModuleType) -> None:
        if self._in_scope(module.__name__):
            self.registry.on_module(module)

    def _keep_versions(self) -> None:
        reason = function_version.switch_on() if self.config.weaving.restore_function_version else None
        if reason is not None:
            log.info("weaving.restore_function_version does nothing: %s", reason)

    @staticmethod
    def _guard() -> None:
        reason = GUARD.start(current_task, interrupt)
        if reason:
            log.warning("actions that hang are not stopped: %s", reason)

    def _name(self, config: InstrumentationConfig) -> None:
        self._named.clear()
        self._named.update(parse_named(config.pointcuts)[0])

    def _install(self) -> Callable[[], None]:
        handle = hook.install(self._on_module, self.config.weaving.prefixes, self._on_code)
        for name in list(sys.modules):
            module = sys.modules.get(name)
            if module is not None and self._in_scope(name):
                self._on_module(module)
        return handle.uninstall

    def _switch_off(self) -> None:
        for name in self.registry.names():
            self.registry.set(name, enabled=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the target under the weaver; return its exit code.

    Switches: yes.
    """
    options, rest = _parse(sys.argv[1:] if arguments is None else arguments)
    late = unpatched()
    if late:
        print(f"gevent has not patched {', '.join(late)}: start with python -m weaver.run", file=sys.stderr)
        return 2
    if options.module is not None:
        try:
            find_main(options.module)
        except ImportError as error:
            print(error, file=sys.stderr)
            return 2
    path = options.instrumentation or _find(FILE)
    engine = choose_engine()
    if engine.reason:
        print(f"this Python is woven by {engine.name}, which reaches less: {engine.reason}", file=sys.stderr)
    try:
        weaver = Weaver(read_draft(path).config or InstrumentationConfig(), path, engine)
        if options.check:
            weaver.load()
            return 0
        weaver.start()
    except InstrumentationConfigError as error:
        print("\n".join(error.faults), file=sys.stderr)
        return 2
    try:
        try:
            print(f"admin: {weaver.open_socket(options.admin_socket)}", file=sys.stderr, flush=True)
        except OSError as error:
            print(f"the admin socket cannot be opened: {error}", file=sys.stderr)
            return 1
        if options.module is not None:
            sys.argv = [options.module, *rest]
            run_as_main(options.module, weaver.on_main)
            return 0
        weaver.reload_on(SIGHUP)
        return int(importlib.import_module(f"{weaver.config.target.module}.__main__").main(rest))
    finally:
        weaver.stop()


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the weaver's options and the target's arguments; whatever stands behind ``-m MODULE`` is the target's."""
    mine = list(arguments)
    if "-m" in mine:
        end = mine.index("-m") + 2
        return _parser().parse_args(mine[:end]), mine[end:]
    return _parser().parse_known_args(mine)


def _find(name: str) -> Path:
    """Return the file in the working directory, else the one that was installed."""
    here = Path(name)
    return here if here.exists() else Path(sys.prefix) / "share" / "weaver" / name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m weaver.run", allow_abbrev=False, add_help=True, description="Runs a program under the weaver."
    )
    parser.add_argument("--instrumentation", type=Path, metavar="FILE", help=f"default: {FILE}")
    parser.add_argument("--admin-socket", type=Path, metavar="PATH", help="default: a socket of this process")
    parser.add_argument("--check", action="store_true", help="load the plugins, say what is wrong in the file, and end")
    parser.add_argument("-m", dest="module", metavar="MODULE", help="run this module instead of the server")
    return parser


if __name__ == "__main__":
    sys.exit(main())
