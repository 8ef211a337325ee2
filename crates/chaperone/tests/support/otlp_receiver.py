"""A receiver of OpenTelemetry logs: reads them with the protocol's own definitions, and says on standard output what it
read, one JSON a line. The path says how it answers: /reject rejects one record, /slow answers after the client has gone.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs


def plain(value):
    """An `AnyValue` as what it stands for."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in inner.values}
    if kind == "array_value":
        return [plain(item) for item in inner.values]
    return inner


def attributes(of):
    return {pair.key: plain(pair.value) for pair in of.attributes}


def say(what):
    print(json.dumps(what), flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-type"] != "application/json":
            return self.answer(415, b"")
        request = json_format.Parse(text, logs.ExportLogsServiceRequest())
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    say({
                        "resource": attributes(resource.resource),
                        "scope": scope.scope.name,
                        "time": str(record.time_unix_nano),
                        "severity": record.severity_number,
                        "severity_text": record.severity_text,
                        "event_name": record.event_name,
                        "attributes": attributes(record),
                        "body": plain(record.body),
                        "authorization": self.headers["authorization"],
                    })
        answer = logs.ExportLogsServiceResponse()
        if self.path == "/reject":
            answer.partial_success.rejected_log_records = 1
            answer.partial_success.error_message = "secret of the other side"
        if self.path == "/slow":
            time.sleep(60)
        self.answer(200, json_format.MessageToJson(answer).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
say({"port": server.server_address[1]})
sys.stdout.flush()
server.serve_forever()
