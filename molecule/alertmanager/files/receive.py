"""Takes what Alertmanager sends: each request becomes a line of JSON on standard output."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Notes path, token and body of each POST."""

    def do_POST(self) -> None:
        """Note it, and answer that all is well."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = self.headers.get("Authorization", "")
        print(json.dumps({"path": self.path, "token": token, "body": body}), flush=True)
        self.send_response(200)
        self.end_headers()


HTTPServer(("127.0.0.1", 9199), Receiver).serve_forever()
