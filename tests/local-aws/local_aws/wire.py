"""Errors in the form in which each service's protocol sends them."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_QUERY = {"sts", "iam", "cloudformation", "sns", "elasticloadbalancing", "autoscaling", "rds"}
_REST_JSON = {"lambda", "scheduler", "apigateway"}


def error(service: str, status: int, code: str, message: str) -> Response:
    request_id = str(uuid.uuid4())
    who = "Sender" if status < 500 else "Receiver"
    if service == "s3":
        body = (
            f"{_XML}<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{request_id}</RequestId><HostId>local</HostId></Error>"
        )
        return Response(body, status, {"x-amz-request-id": request_id}, content_type="application/xml")
    if service in _QUERY:
        body = (
            f"<ErrorResponse><Error><Type>{who}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Response(body, status, {"x-amzn-RequestId": request_id}, content_type="text/xml")
    headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": code}
    if service in _REST_JSON:
        body = json.dumps({"Type": "User" if status < 500 else "Service", "message": message})
        return Response(body, status, headers, content_type="application/json")
    headers["x-amzn-query-error"] = f"{code};{who}"
    return Response(json.dumps({"__type": code, "message": message}), status, headers, content_type="application/x-amz-json-1.0")
