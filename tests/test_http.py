"""The app's own URLs, as answers show them."""

import azure.functions as func
import pytest

from shared.http import api_url


@pytest.mark.parametrize(
    ("called", "origin"),
    [
        ("https://app.invalid/api/sync", "https://app.invalid"),
        ("https://app.invalid/API/sync", "https://app.invalid"),
        ("https://app.invalid/API/route-tables/api/ä?x=/api/", "https://app.invalid"),
        ("http://127.0.0.1:7071/Api/sync", "http://127.0.0.1:7071"),
        ("http://[::1]:7071/api/sync", "http://[::1]:7071"),
        ("https://bücher.invalid/api/sync", "https://b%C3%BCcher.invalid"),
    ],
)
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("runs/20260107060000000000-0123abcd", "runs/20260107060000000000-0123abcd"),
        ("runs/ä€", "runs/%C3%A4%E2%82%AC"),
        ("runs/a?b#c d%", "runs/a%3Fb%23c%20d%25"),
    ],
)
def test_a_url_of_the_app_is_ascii_and_leads_to_the_app(called, origin, path, shown):
    request = func.HttpRequest("POST", called, body=b"")
    assert api_url(request, path, front=None) == f"{origin}/api/{shown}"


def test_a_key_in_the_query_is_in_the_url_too_whatever_letters_it_has():
    called = "https://app.invalid/api/runs"
    request = func.HttpRequest("GET", called, params={"Code": "a+b/c=&d"}, body=b"")
    shown = api_url(request, "runs", front=None, query={"top": "2"})
    assert shown == f"{called}?top=2&code=a%2Bb%2Fc%3D%26d"
