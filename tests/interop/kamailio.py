"""Kamailio as a record-routing, stateful proxy between the phones and the server under test."""

from __future__ import annotations

from pathlib import Path

from tests.interop.processes import Process, program

CONFIG = """\
#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:{port}
{modules}
request_route {{
    if (!mf_process_maxfwd_header("20")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("INVITE")) record_route();
    remove_hf("Route");
    if ($sp == {server}) $du = "sip:127.0.0.1:{callee}"; else $du = "sip:127.0.0.1:{server}";
    if (!t_relay()) sl_reply_error();
}}
"""
MODULES = ("tm", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "tmx")


class Kamailio(Process):
    """A proxy on a port: what comes from the server's port goes to the callee, everything else to the server."""

    def __init__(self, port: int, server: int, callee: int, folder: Path) -> None:
        folder.mkdir()
        config = folder / "kamailio.cfg"
        modules = "\n".join(f'loadmodule "{name}.so"' for name in MODULES)
        config.write_text(CONFIG.format(port=port, server=server, callee=callee, modules=modules), encoding="ascii")
        command = [program("kamailio", "kamailio"), "-DD", "-E", "-f", str(config), "-w", str(folder)]
        super().__init__("kamailio", [*command, "-P", str(folder / "pid"), "-Y", str(folder)])

    def kill(self) -> None:
        """End it and its children, which it does itself when it is asked to."""
        self.terminate()
