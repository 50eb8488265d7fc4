"""A real HTTP server that speaks OpenAI's chat protocol, well or badly."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class VisionEndpoint:
    """Answers every question with `answer`: a description, a status, bytes as they are, or one of the words below.

    "hang" answers nothing until the end, "cut" promises more than it sends, "trickle" sends a byte now and then.
    """

    def __init__(self, answer: str | int | bytes = "A picture.") -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.ended = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                endpoint.asked[-1]["path"] = self.path
                endpoint.keys.append(self.headers.get("Authorization", ""))
                endpoint._reply(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, request: BaseHTTPRequestHandler) -> None:
        answer = self.answer
        if answer == "hang":
            self.ended.wait(30)
            return
        status = answer if isinstance(answer, int) else 200
        told = f"{answer} {request.headers.get('Authorization', '')}" if isinstance(answer, int) else str(answer)
        body = answer if isinstance(answer, bytes) else json.dumps(_chat(told)).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body) + (answer == "cut") * 100))
        if status in {301, 302, 307}:
            request.send_header("Location", f"{self.address}/elsewhere")
        request.end_headers()
        if answer == "trickle":
            while not self.ended.wait(0.1):
                request.wfile.write(b" ")
                request.wfile.flush()
        request.wfile.write(body)


def _chat(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
