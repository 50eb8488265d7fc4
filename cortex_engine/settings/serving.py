"""Settings of the application and its HTTP API."""

from __future__ import annotations

from pydantic import BaseModel

from cortex_engine.settings.field import setting


class ServerSettings(BaseModel):
    """Where it listens, and what it bears."""

    api_requests_per_minute: int = setting(
        600, "Requests a minute of one key, and of one address.", "API", "CORTEX_API_REQUESTS_PER_MINUTE", ge=1
    )
    api_upload_bytes: int = setting(
        500_000_000, "Largest upload over HTTP, all its files together.", "API", "CORTEX_API_UPLOAD_BYTES", ge=1
    )
    api_body_seconds: float = setting(
        15.0, "So long a request's body may stand still.", "API", "CORTEX_API_BODY_SECONDS", gt=0, le=3600
    )
    server_address: str = setting(
        "127.0.0.1", "Address that the application listens on.", "API", "CORTEX_SERVER_ADDRESS", "At the next start."
    )
    server_port: int = setting(
        8501, "Port of pages and API.", "API", "CORTEX_SERVER_PORT", "At the next start.", ge=1, le=65535
    )
    server_proxy: str = setting(
        "", "Address of a reverse proxy whose X-Forwarded-For counts; none by default.", "API", "CORTEX_SERVER_PROXY"
    )
