"""The servlet API: everything that an application may import from the server."""

from server.servlet.b2bua import B2buaHelper
from server.servlet.b2bua_servlet import B2buaServlet
from server.servlet.context import ServletContext
from server.servlet.errors import BusyError, InvalidSessionError, InvalidStateError, NotRoutableError, ServletError
from server.servlet.event_servlet import EventServlet
from server.servlet.factory import SipFactory
from server.servlet.http_servlet import HttpRequest, HttpResponse, HttpServlet, json_response
from server.servlet.messages import SipMessage, SipRequest, SipResponse
from server.servlet.proxy import Proxy, ProxyBranch, ProxyOptions
from server.servlet.publications import Publications, Published
from server.servlet.registrar import Registrar, Registration
from server.servlet.sessions import Attribute, HttpSession, SipApplicationSession, SipSession
from server.servlet.sip_servlet import METHODS, SipServlet
from server.servlet.timers import ServletTimer, TimerService
from server.sip.multipart import Part, format_multipart, parse_multipart
from server.sip.sdp import (
    Media,
    Sdp,
    check_answer,
    check_next_offer,
    common_formats,
    held_answer,
    hold,
    make_answer,
    origin_of,
    parse_sdp,
    with_origin,
)
from server.sip.status import reason_phrase
from server.sip.uri import SipUri, parse_uri, unescape, uris_equal

__all__ = [
    "METHODS",
    "Attribute",
    "B2buaHelper",
    "B2buaServlet",
    "BusyError",
    "EventServlet",
    "HttpRequest",
    "HttpResponse",
    "HttpServlet",
    "HttpSession",
    "InvalidSessionError",
    "InvalidStateError",
    "Media",
    "NotRoutableError",
    "Part",
    "Proxy",
    "ProxyBranch",
    "ProxyOptions",
    "Publications",
    "Published",
    "Registrar",
    "Registration",
    "Sdp",
    "ServletContext",
    "ServletError",
    "ServletTimer",
    "SipApplicationSession",
    "SipFactory",
    "SipMessage",
    "SipRequest",
    "SipResponse",
    "SipServlet",
    "SipSession",
    "SipUri",
    "TimerService",
    "check_answer",
    "check_next_offer",
    "common_formats",
    "format_multipart",
    "held_answer",
    "hold",
    "json_response",
    "make_answer",
    "origin_of",
    "parse_multipart",
    "parse_sdp",
    "parse_uri",
    "reason_phrase",
    "unescape",
    "uris_equal",
    "with_origin",
]
