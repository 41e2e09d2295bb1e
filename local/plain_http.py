"""Calls to servers of 127.0.0.1 over plain HTTP."""

import functools

import httpx


@functools.cache
def http() -> httpx.Client:
    """The process's one client. To read the certificates, as each new client does, takes 50 ms."""
    return httpx.Client(verify=False, trust_env=False, timeout=60)  # noqa: S501
