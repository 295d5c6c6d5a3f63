"""Every header that has typed values: its name, how many values it may have, its parser and its formatter.

``TABLE`` finds them by name in lower case. A header that is not here is text, kept byte for byte.

Source: RFC 3261 20 and the table of 20.0; the RFC of any other stands behind its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.sip.headers.credentials import parse_auth_info, parse_auth_value
from server.sip.headers.kinds import Many, One
from server.sip.headers.parameterized import (
    parse_code,
    parse_dialog_id,
    parse_digest_params,
    parse_language,
    parse_media_type,
    parse_seconds,
    parse_session_id,
    parse_token_params,
    parse_truth,
    parse_word,
)
from server.sip.headers.plain import (
    format_date,
    format_privacy,
    parse_byte,
    parse_call_id,
    parse_date,
    parse_number,
    parse_privacy,
    parse_rack,
    parse_resource,
    parse_sequence,
    parse_text,
    parse_timestamp,
    parse_token,
    parse_version,
    parse_warning,
)
from server.sip.headers.values import parse_cseq, parse_name_addr, parse_via

ACCEPT = Many("Accept", parse_media_type)
ACCEPT_CONTACT = Many("Accept-Contact", parse_token_params)  # RFC 3841
ACCEPT_ENCODING = Many("Accept-Encoding", parse_token_params)
ACCEPT_LANGUAGE = Many("Accept-Language", parse_language)
ACCEPT_RESOURCE_PRIORITY = Many("Accept-Resource-Priority", parse_resource)  # RFC 4412
ALERT_INFO = Many("Alert-Info", parse_name_addr)
ALLOW = Many("Allow", parse_token)
ALLOW_EVENTS = Many("Allow-Events", parse_token)  # RFC 6665
ANSWER_MODE = One("Answer-Mode", parse_token_params)  # RFC 5373
AUTHENTICATION_INFO = One("Authentication-Info", parse_auth_info)
AUTHORIZATION = Many("Authorization", parse_auth_value, listed=False)
CALL_ID = One("Call-ID", parse_call_id)
CALL_INFO = Many("Call-Info", parse_name_addr)
CONTACT = Many("Contact", parse_name_addr)
CONTENT_DISPOSITION = One("Content-Disposition", parse_token_params)
CONTENT_ENCODING = Many("Content-Encoding", parse_token)
CONTENT_ID = One("Content-ID", parse_text)  # RFC 8262
CONTENT_LANGUAGE = Many("Content-Language", parse_language)
CONTENT_LENGTH = One("Content-Length", parse_number)
CONTENT_TYPE = One("Content-Type", parse_media_type)
CSEQ = One("CSeq", parse_cseq)
DATE = One("Date", parse_date, format_date)
DIVERSION = Many("Diversion", parse_name_addr)  # RFC 5806
ERROR_INFO = Many("Error-Info", parse_name_addr)
EVENT = One("Event", parse_token_params)  # RFC 6665
EXPIRES = One("Expires", parse_number)
FEATURE_CAPS = Many("Feature-Caps", parse_token_params)  # RFC 6809
FLOW_TIMER = One("Flow-Timer", parse_number)  # RFC 5626
FROM = One("From", parse_name_addr)
GEOLOCATION = Many("Geolocation", parse_name_addr)  # RFC 6442
GEOLOCATION_ERROR = One("Geolocation-Error", parse_code)  # RFC 6442
GEOLOCATION_ROUTING = One("Geolocation-Routing", parse_truth)  # RFC 6442
HISTORY_INFO = Many("History-Info", parse_name_addr)  # RFC 7044
IDENTITY = Many("Identity", parse_digest_params)  # RFC 8224
INFO_PACKAGE = One("Info-Package", parse_token_params)  # RFC 6086
IN_REPLY_TO = Many("In-Reply-To", parse_call_id)
JOIN = One("Join", parse_dialog_id)  # RFC 3911
MAX_BREADTH = One("Max-Breadth", parse_number)  # RFC 5393
MAX_FORWARDS = One("Max-Forwards", parse_byte)
MIME_VERSION = One("MIME-Version", parse_version)
MIN_EXPIRES = One("Min-Expires", parse_number)
MIN_SE = One("Min-SE", parse_seconds)  # RFC 4028
ORGANIZATION = One("Organization", parse_text)
P_ACCESS_NETWORK_INFO = Many("P-Access-Network-Info", parse_token_params)  # RFC 7315
P_ASSERTED_IDENTITY = Many("P-Asserted-Identity", parse_name_addr)  # RFC 3325
P_ASSOCIATED_URI = Many("P-Associated-URI", parse_name_addr)  # RFC 7315
P_CALLED_PARTY_ID = One("P-Called-Party-ID", parse_name_addr)  # RFC 7315
P_EARLY_MEDIA = Many("P-Early-Media", parse_token)  # RFC 5009
P_PREFERRED_IDENTITY = Many("P-Preferred-Identity", parse_name_addr)  # RFC 3325
P_PROFILE_KEY = One("P-Profile-Key", parse_name_addr)  # RFC 5002
P_VISITED_NETWORK_ID = Many("P-Visited-Network-ID", parse_word)  # RFC 7315
PATH = Many("Path", parse_name_addr)  # RFC 3327
PERMISSION_MISSING = Many("Permission-Missing", parse_name_addr)  # RFC 5360
PRIORITY = One("Priority", parse_token)
PRIVACY = One("Privacy", parse_privacy, format_privacy)  # RFC 3323
PRIV_ANSWER_MODE = One("Priv-Answer-Mode", parse_token_params)  # RFC 5373
PROXY_AUTHENTICATE = Many("Proxy-Authenticate", parse_auth_value, listed=False)
PROXY_AUTHENTICATION_INFO = One("Proxy-Authentication-Info", parse_auth_info)  # RFC 7615
PROXY_AUTHORIZATION = Many("Proxy-Authorization", parse_auth_value, listed=False)
PROXY_REQUIRE = Many("Proxy-Require", parse_token)
RACK = One("RAck", parse_rack)  # RFC 3262
REASON = Many("Reason", parse_token_params)  # RFC 3326
RECORD_ROUTE = Many("Record-Route", parse_name_addr)
RECV_INFO = Many("Recv-Info", parse_token_params)  # RFC 6086
REFERRED_BY = One("Referred-By", parse_name_addr)  # RFC 3892
REFER_SUB = One("Refer-Sub", parse_truth)  # RFC 4488
REFER_TO = One("Refer-To", parse_name_addr)  # RFC 3515
REJECT_CONTACT = Many("Reject-Contact", parse_token_params)  # RFC 3841
REPLACES = One("Replaces", parse_dialog_id)  # RFC 3891
REPLY_TO = One("Reply-To", parse_name_addr)
REQUEST_DISPOSITION = Many("Request-Disposition", parse_token)  # RFC 3841
REQUIRE = Many("Require", parse_token)
RESOURCE_PRIORITY = Many("Resource-Priority", parse_resource)  # RFC 4412
RETRY_AFTER = One("Retry-After", parse_seconds)
ROUTE = Many("Route", parse_name_addr)
RSEQ = One("RSeq", parse_sequence)  # RFC 3262
SECURITY_CLIENT = Many("Security-Client", parse_token_params)  # RFC 3329
SECURITY_SERVER = Many("Security-Server", parse_token_params)  # RFC 3329
SECURITY_VERIFY = Many("Security-Verify", parse_token_params)  # RFC 3329
SERVER = One("Server", parse_text)
SERVICE_ROUTE = Many("Service-Route", parse_name_addr)  # RFC 3608
SESSION_EXPIRES = One("Session-Expires", parse_seconds)  # RFC 4028
SESSION_ID = One("Session-ID", parse_session_id)  # RFC 7989
SIP_ETAG = One("SIP-ETag", parse_token)  # RFC 3903
SIP_IF_MATCH = One("SIP-If-Match", parse_token)  # RFC 3903
SUBJECT = One("Subject", parse_text)
SUBSCRIPTION_STATE = One("Subscription-State", parse_token_params)  # RFC 6665
SUPPORTED = Many("Supported", parse_token)
SUPPRESS_IF_MATCH = One("Suppress-If-Match", parse_token)  # RFC 5839
TARGET_DIALOG = One("Target-Dialog", parse_dialog_id)  # RFC 4538
TIMESTAMP = One("Timestamp", parse_timestamp)
TO = One("To", parse_name_addr)
TRIGGER_CONSENT = Many("Trigger-Consent", parse_name_addr)  # RFC 5360
UNSUPPORTED = Many("Unsupported", parse_token)
USER_AGENT = One("User-Agent", parse_text)
USER_TO_USER = Many("User-to-User", parse_word)  # RFC 7433
VIA = Many("Via", parse_via)
WARNING = Many("Warning", parse_warning)
WWW_AUTHENTICATE = Many("WWW-Authenticate", parse_auth_value, listed=False)

TABLE: Mapping[str, One[Any] | Many[Any]] = {
    header.key: header for header in list(globals().values()) if isinstance(header, (One, Many))
}
