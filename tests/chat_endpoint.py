"""A real HTTP server that speaks OpenAI's chat protocol, streaming or not, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ChatEndpoint:
    """Answers question after question with the next of `answers` (the last one for ever).

    A text is an answer, in small pieces where it is streamed; a number a status; bytes are sent as they are. These words
    misbehave: "hang" (nothing comes), "silence" (a piece, then nothing), "cut" (a piece, then the line is dead), "endless",
    "comments" (lines that keep the connection alive, and nothing else), "unfinished" (ends without saying so), "long" (says
    that it reached its limit), "empty", "error" (an error object in the middle), "broken" (no JSON in the middle).
    """

    def __init__(self, *answers: str | int | bytes) -> None:
        self.answers: list[str | int | bytes] = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.ended = threading.Event()
        self.hung_up = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append({**body, "path": self.path})
                endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
                try:
                    endpoint._reply(self, bool(body.get("stream")))
                except (BrokenPipeError, ConnectionResetError):
                    endpoint.hung_up.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> ChatEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self.ended.is_set():
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()

    def messages(self, number: int = -1) -> tuple[str, str]:
        """System and user message of a question."""
        system, user = self.asked[number]["messages"]
        assert (system["role"], user["role"]) == ("system", "user")
        return system["content"], user["content"]

    def _reply(self, request: BaseHTTPRequestHandler, stream: bool) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "hang":
            self.ended.wait(20)
        elif isinstance(answer, int):
            error = {"error": {"message": f"refused with {answer}, key sk-abcdefgh123456 seen"}}
            self._send(request, answer, json.dumps(error).encode(), "application/json")
        elif isinstance(answer, bytes):
            self._send(request, 200, answer, "text/html")
        elif stream:
            self._stream(request, answer)
        else:
            content = "" if answer == "empty" else answer
            choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
            self._send(request, 200, json.dumps({"choices": [choice]}).encode(), "application/json")

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        if status in {301, 302, 307, 308}:
            request.send_header("Location", f"{self.address}/elsewhere")
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request: BaseHTTPRequestHandler, answer: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        if answer in {"silence", "cut", "unfinished", "error", "broken", "long"}:
            self._pieces(request, ["Puffins dig ", "burrows [1]. ", "Then "])
        if answer == "silence":
            self.ended.wait(20)
        elif answer == "cut":
            request.wfile.write(b'data: {"choices": [{"delta": {"con')
        elif answer == "error":
            request.wfile.write(b'data: {"error": {"message": "out of memory"}}\n\n')
        elif answer == "broken":
            request.wfile.write(b"data: <html>gateway</html>\n\n")
        elif answer == "long":
            self._pieces(request, [""], "length")
        elif answer == "comments":
            while not self.ended.wait(0.02):
                request.wfile.write(b": still here\n\n")
                request.wfile.flush()
        elif answer == "endless":
            while not self.ended.is_set():
                self._pieces(request, ["and so on " * 20])
        elif answer == "empty":
            self._pieces(request, [" ", "\n"], "stop")
        elif answer != "unfinished":
            self._pieces(request, [answer[place : place + 7] for place in range(0, len(answer), 7)])
            self._pieces(request, [""], "stop")
            request.wfile.write(b"data: [DONE]\n\n")

    def _pieces(self, request: BaseHTTPRequestHandler, texts: Sequence[str], reason: str | None = None) -> None:
        for text in texts:
            choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
            request.wfile.write(f"data: {json.dumps({'id': '1', 'choices': [choice]})}\n\n".encode())
            request.wfile.flush()
