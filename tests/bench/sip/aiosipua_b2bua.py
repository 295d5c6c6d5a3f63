"""A B2BUA of aiosipua (extra ``bench``): ``python aiosipua_b2bua.py PORT NEXT_PORT``, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

HOST = "127.0.0.1"


async def serve(port: int, next_port: int) -> None:
    transport = importlib.import_module("aiosipua.transport").UdpSipTransport((HOST, port))
    client = importlib.import_module("aiosipua.uac").SipUAC(transport)
    server = importlib.import_module("aiosipua.uas").SipUAS(transport, uac=client)
    onward: dict[str, Any] = {}

    def on_invite(call: Any) -> None:
        to = f"sip:bob@{HOST}:{next_port}"
        other = client.send_invite(f"sip:alice@{HOST}:{port}", to, (HOST, next_port), call.sdp_offer)
        onward[call.call_id] = other
        other.on_ringing = lambda _: call.ringing()
        other.on_answer = lambda answered: call.accept(answered.sdp_answer)
        other.on_rejected = lambda _, status, reason: call.reject(status, reason)

    def on_bye(call: Any, request: object) -> None:
        other = onward.pop(call.call_id, None)
        if other is not None:
            other.hangup(client)

    server.on_invite, server.on_bye = on_invite, on_bye
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
