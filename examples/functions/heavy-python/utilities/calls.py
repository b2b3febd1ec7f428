"""Calls of other services."""

import requests

__all__ = ["fetch"]


def fetch(url):
    return requests.get(url, timeout=5).json()
