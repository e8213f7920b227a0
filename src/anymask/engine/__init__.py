"""The data engine: projects of pictures with masks that people and models make."""

from __future__ import annotations
