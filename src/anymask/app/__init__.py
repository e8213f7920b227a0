"""The browser app and the HTTP API behind it. Needs the extra `app`; see `server.create_app`."""

from __future__ import annotations
