"""Prints the first messages of a WebSocket as one JSON list: read_frames.py URL COUNT."""

from __future__ import annotations

import json
import sys

from websockets.sync.client import connect

with connect(sys.argv[1], open_timeout=10) as socket:
    frames = [json.loads(socket.recv(timeout=10)) for _ in range(int(sys.argv[2]))]
json.dump(frames, sys.stdout)
