"""The server as a B2BUA between two SIPp over TCP: one connection for all calls, and one for each; and over TLS.

Debian's SIPp has no TLS: socat stands before each of the two and speaks it, with OpenSSL, to the server.
"""

from pathlib import Path

import pytest
import trustme

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import Process, free_ports, program

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 200, 50


@pytest.mark.parametrize("mode", [("-t", "t1"), ("-t", "tn", "-max_socket", "500")])
def test_200_calls_over_tcp_without_a_failure(
    start_server: StartServer, start_sipp: StartSipp, mode: tuple[str, ...]
) -> None:
    caller_port, callee_port = free_ports(2)
    server = start_server("apps.click2call", "--outbound-proxy", f"sip:127.0.0.1:{callee_port};transport=tcp")
    callee = start_sipp("callee", callee_port, CALLS, "-t", "t1")

    caller = start_sipp("caller", caller_port, CALLS, "-r", str(RATE), *mode, server.sip, listens=False)
    called = caller.counts(timeout=60)
    answered = callee.counts(timeout=30)

    for counts, sipp in ((called, caller), (answered, callee)):
        assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"


def test_200_calls_over_tls_without_a_failure(
    start_server: StartServer, start_sipp: StartSipp, processes: list[Process], tmp_path: Path
) -> None:
    caller_port, callee_port, before_server, before_callee = free_ports(4)
    ca, chain, authority = trustme.CA(), tmp_path / "chain.pem", tmp_path / "authority.pem"
    ca.issue_cert("127.0.0.1", common_name="server").private_key_and_cert_chain_pem.write_to_path(chain)
    ca.cert_pem.write_to_path(authority)
    config = tmp_path / "server.toml"
    config.write_text(
        f'[tls]\nlisten = "127.0.0.1:0"\ncertificate = "{chain}"\nauthorities = "{authority}"\n', encoding="utf-8"
    )
    next_hop = f"sip:127.0.0.1:{before_callee};transport=tls"
    server = start_server("apps.click2call", "--config", str(config), "--outbound-proxy", next_hop)
    callee = start_sipp("callee", callee_port, CALLS, "-t", "t1")
    to_server = f"OPENSSL:{server.bound['sip-tls']},cafile={authority},commonname=server"
    from_server = f"OPENSSL-LISTEN:{before_callee},bind=127.0.0.1,reuseaddr,fork,cert={chain},verify=0"
    tunnels = (
        (f"TCP-LISTEN:{before_server},bind=127.0.0.1,reuseaddr,fork", to_server),
        (from_server, f"TCP:127.0.0.1:{callee_port}"),
    )
    processes += [Process("socat", [program("socat", "socat"), *tunnel]) for tunnel in tunnels]
    callee.wait_bound(before_server)
    callee.wait_bound(before_callee)

    caller = start_sipp(
        "caller", caller_port, CALLS, "-r", str(RATE), "-t", "t1", f"127.0.0.1:{before_server}", listens=False
    )
    called, answered = caller.counts(timeout=60), callee.counts(timeout=30)

    for counts, sipp in ((called, caller), (answered, callee)):
        assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"
