"""A stand-in for Grafana where that cannot be had: it reads its settings and serves its health address."""

import configparser
import http.server
import json
import pathlib
import re
import sys

HEALTH = {"database": "ok", "version": "stand-in", "note": "this is a stand-in and not Grafana"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET /api/health."""

    def do_GET(self) -> None:
        """As Grafana does, or 404."""
        found = self.path == "/api/health"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(HEALTH if found else {}).encode())


settings = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=None)
settings.read(sys.argv[1])
password_file = re.fullmatch(r"\$__file\{(.+)\}", settings["security"]["admin_password"])
if password_file is None or not pathlib.Path(password_file[1]).read_text(encoding="utf-8"):
    sys.exit("stand-in for Grafana: the administrator's password is not in a file that this unit can read")
address = (settings["server"]["http_addr"], int(settings["server"]["http_port"]))
print(f"stand-in for Grafana: serves nothing but /api/health, on {address}", flush=True)
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
