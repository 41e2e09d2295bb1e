"""Fetching the weekly file over HTTP: Microsoft's page as it is, and what has broken for others."""

import socket
import threading
import tracemalloc
from contextlib import suppress
from datetime import date

import pytest
from azure.storage.blob import BlobServiceClient

from shared import download
from shared.deadline import time_limit
from shared.domain.addresses import Publication
from shared.domain.errors import UnusableWeeklyFile
from shared.download import WeeklyFileDownload, link_on
from shared.storage.blobs import Blobs
from shared.transport import Transport
from tests.builders.weekly import DownloadCenter, last_modified

A = "20.0.0.0/24"
PAGE = "https://www.microsoft.com/en-us/download/details.aspx?id=56519"
FILE = "https://download.microsoft.com/download/7/1/d/71d8/ServiceTags_Public_20251103.json"


class Trickling:
    """Begins its answer, and sends a byte of it now and then, until the test ends."""

    def __init__(self, begun):
        self._begun, self._ends = begun, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections, self.has_ended = 0, False

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()
        self._listener.close()

    def _serve(self):
        connection, _ = self._listener.accept()
        self.connections += 1
        with connection, suppress(OSError):
            connection.sendall(self._begun)
            while not self._ends.wait(0.05):
                connection.sendall(b"0")
        self.has_ended = True


@pytest.fixture
def center():
    with DownloadCenter() as running:
        running.publish([A])
        yield running


@pytest.fixture
def blobs(storage):
    return Blobs.from_connection_string(storage)


@pytest.fixture
def read_again(blobs):
    """One download, which may be asked several times, as that of an app."""
    return lambda url: WeeklyFileDownload(url, blobs, cloud="AzureCloud").read


@pytest.fixture
def read(blobs):
    return lambda url, cloud="AzureCloud": WeeklyFileDownload(url, blobs, cloud=cloud).read()


def test_the_page_leads_to_the_file(center, read):
    file = read(center.url)
    assert file.name == "ServiceTags_Public_20260302.json"
    assert str(file.publication) == "the weekly file of 2026-03-02 (change number 374)"
    assert [path.rpartition("/")[2] for path in center.asked] == [
        "details.aspx?id=56519",
        "ServiceTags_Public_20260302.json",
    ]


def test_the_short_address_of_the_page_redirects_on_its_own_host(center, read):
    url = f"http://127.0.0.1:{center.port}/download/details.aspx?id=56519"
    assert read(url).publication.published_on == date(2026, 3, 2)


def test_a_file_can_be_named_itself(center, read):
    assert read(center.file_url).publication.published_on == date(2026, 3, 2)
    assert len(center.asked) == 1


def test_a_file_without_a_day_in_its_name_has_the_day_of_its_last_change(center, read):
    center.name = "weekly.json"
    with pytest.raises(UnusableWeeklyFile, match="says its day"):
        read(center.file_url)
    center.headers = last_modified(date(2026, 2, 23))
    assert read(center.file_url).publication.published_on == date(2026, 2, 23)


def test_a_blob_of_the_own_account_has_the_day_of_its_upload(center, blobs, read, storage):
    with BlobServiceClient.from_connection_string(storage) as service:
        blob = service.create_container("service-tags").upload_blob("weekly.json", center.content)
        uploaded = blob.get_blob_properties().last_modified.date()
        assert read(blob.url).publication.published_on == uploaded
        with pytest.raises(UnusableWeeklyFile, match="BlobNotFound: there is no blob"):
            read(blob.url + ".old")
    assert center.asked == []


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_to_another_host_is_refused(center, read, status):
    with DownloadCenter() as other:
        other.publish([A])
        center.redirect = other.url
        center.statuses["details.aspx?id=56519"] = status
        with pytest.raises(UnusableWeeklyFile, match="redirects to another host, 127"):
            read(center.url)
        assert other.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1:{}/weekly.json",
        "http://localhost:{}/weekly.json",
        "http://somebody@127.0.0.1:{}/weekly.json",
        "http://127.0.0.1.example.org:{}/weekly.json",
        "http://evil127.0.0.1:{}/weekly.json",
        "//example.org:{}/weekly.json",
    ],
)
def test_a_redirect_to_almost_the_same_host_is_refused(center, read, target):
    center.redirect = target.format(center.port)
    with pytest.raises(UnusableWeeklyFile, match="redirects to another host"):
        read(center.url)
    assert len(center.asked) == 1


def test_a_redirect_to_itself_ends(center, read):
    center.redirect = center.url
    with pytest.raises(UnusableWeeklyFile, match="redirects without end"):
        read(center.url)
    assert len(center.asked) == 6


def test_a_link_to_another_host_is_refused(center, read):
    with DownloadCenter() as other:
        other.publish([A])
        center.host = f"http://127.0.0.1:{other.port}"
        with pytest.raises(UnusableWeeklyFile, match=r"not to download\.microsoft\.com"):
            read(center.url)
        assert other.asked == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<html>We are sorry, the page you requested cannot be found.", "may have a new form"),
        (
            b"<html>" + FILE.replace("Public", "China").encode(),
            "is about China and links no weekly",
        ),
        (b"", "is empty"),
        (b"Access Denied", "is no JSON"),
    ],
)
def test_a_page_that_leads_nowhere_is_said(center, read, page, said):
    center.page = page
    with pytest.raises(UnusableWeeklyFile, match=said):
        read(center.url)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_said_with_its_status(center, read, status):
    center.statuses[center.name] = status
    with pytest.raises(UnusableWeeklyFile, match=rf"{center.name} answers HTTP {status}"):
        read(center.url)


def test_a_blob_of_another_account_says_that_it_is_one(center, read):
    center.statuses[center.name] = 409
    center.headers = {"x-ms-error-code": "PublicAccessNotPermitted"}
    with pytest.raises(UnusableWeeklyFile, match=r"PublicAccessNotPermitted: outside of the app's"):
        read(center.file_url)


def test_a_server_that_fails_is_asked_again(center, read, nobody_waits):
    center.statuses[center.name] = 503
    with pytest.raises(UnusableWeeklyFile, match="answers HTTP 503"):
        read(center.file_url)
    assert len(center.asked) == 3


def test_a_file_that_is_cut_off_is_not_taken_for_whole(center, read):
    center.headers = {"Content_Length": str(len(center.content) + 1)}
    with pytest.raises(UnusableWeeklyFile, match="the answer is cut off"):
        read(center.file_url)


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_may_have_so_many_bytes(center, read, monkeypatch, more):
    monkeypatch.setattr(download, "MOST_BYTES", len(center.content) - more)
    if not more:
        assert read(center.file_url).publication.change_number == "374"
        return
    with pytest.raises(UnusableWeeklyFile, match="has more than"):
        read(center.file_url)


def test_a_host_that_does_not_answer_is_named(read, nobody_waits):
    with pytest.raises(UnusableWeeklyFile, match=r"127\.0\.0\.1, TCP 9, cannot be reached"):
        read("http://127.0.0.1:9/weekly.json")


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"HTTP/1.1 2"])
def test_an_answer_that_comes_byte_by_byte_holds_nobody_up(read_again, monkeypatch, begun):
    monkeypatch.setattr(download, "MOST_SECONDS", 0.2)
    with Trickling(begun) as server:
        read = read_again(f"http://127.0.0.1:{server.port}/weekly.json")
        for _ in range(2):
            with pytest.raises(UnusableWeeklyFile, match=r"no answer within 0\.2 s"):
                read()
        assert not server.has_ended
        # The second one has not been asked for, because the first is still on its way.
        assert server.connections == 1


def test_a_file_that_is_still_the_same_is_not_sent_again(center, read_again):
    center.headers = {"ETag": '"one"'}
    read = read_again(center.url)
    assert read() == read()
    assert center.sent == 1

    # A changed file has another ETag, or another name.
    center.publish([A], number=375)
    center.headers = {"ETag": '"two"'}
    assert read().publication.change_number == "375"
    center.publish([A], date(2026, 3, 9), number=376)
    assert read().publication == Publication(date(2026, 3, 9), "376")


def test_a_file_without_an_etag_is_sent_each_time(center, read_again):
    read = read_again(center.file_url)
    assert read() == read()
    assert center.sent == 2


def test_a_file_that_came_broken_is_sent_again(center, read_again):
    whole, center.headers = center.content, {"ETag": '"one"'}
    center.content = whole[:-9]
    read = read_again(center.file_url)
    with pytest.raises(UnusableWeeklyFile, match="not all of it"):
        read()
    center.content = whole
    assert read().publication.change_number == "374"


def test_a_server_that_says_unasked_that_nothing_is_new_gives_no_file(center, read):
    center.statuses[center.name] = 304
    with pytest.raises(UnusableWeeklyFile, match="answers HTTP 304"):
        read(center.file_url)


def test_a_blob_that_is_still_the_same_is_not_sent_again(center, read_again, storage):
    with BlobServiceClient.from_connection_string(storage) as service:
        blob = service.create_container("service-tags").upload_blob("weekly.json", center.content)
        read = read_again(blob.url)
        assert read() == read()
        center.publish([A], number=375)
        blob.upload_blob(center.content, overwrite=True)
    assert read().publication.change_number == "375"


def test_a_host_that_cannot_be_reached_is_tried_once(read, monkeypatch):
    waits = []
    monkeypatch.setattr(Transport, "sleep", lambda _, seconds: waits.append(seconds))
    with pytest.raises(UnusableWeeklyFile, match="cannot be reached"):
        read("http://127.0.0.1:9/weekly.json")
    assert waits == []


def test_no_time_is_no_answer(center, read, monkeypatch):
    monkeypatch.setattr(download, "MOST_SECONDS", 0.0)
    with pytest.raises(UnusableWeeklyFile, match="no answer within 0 s"):
        read(center.url)


def test_the_deadline_of_the_invocation_holds(center, read):
    with time_limit(0), pytest.raises(UnusableWeeklyFile, match="OutOfTime"):
        read(center.url)
    assert center.asked == []


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (f'<a href="{FILE}" class="dlcdetail__download-btn">', FILE),
        (f'"name":"ServiceTags_Public_20251103.json","url":"{FILE}"', FILE),
        (FILE.replace("/", "\\/").join('""'), FILE),
        (FILE.replace("/", "\\u002F").join('""'), FILE),
        (f"<a href='{FILE}?a=1&amp;b=2'>", f"{FILE}?a=1&b=2"),
        (f"<p>{FILE}</p>{FILE.replace('20251103', '20251027')}", FILE),
        (f"{FILE.replace('Public', 'China').replace('20251103', '20251110')} {FILE}", FILE),
        (
            '<a href="/copies/ServiceTags_Public_20251103.json">',
            "https://www.microsoft.com/copies/ServiceTags_Public_20251103.json",
        ),
    ],
)
def test_the_newest_file_of_the_cloud_is_found_wherever_the_page_names_it(page, link):
    assert link_on(page, PAGE, "AzureCloud") == link


def test_a_page_of_many_words_takes_no_more_memory_than_its_text():
    page = "a-word-that-is-no-link " * 100_000 + FILE
    tracemalloc.start()
    try:
        assert link_on(page, PAGE, "AzureCloud") == FILE
        assert tracemalloc.get_traced_memory()[1] < 2 * len(page)
    finally:
        tracemalloc.stop()


def test_a_link_that_is_no_url_is_said():
    with pytest.raises(UnusableWeeklyFile, match="leads to no URL"):
        link_on('<a href="https://[/ServiceTags_Public_20251103.json">', PAGE, "AzureCloud")


def test_a_redirect_to_no_url_is_said(center, read):
    center.redirect = "http://[oops"
    with pytest.raises(UnusableWeeklyFile, match="leads to no URL"):
        read(center.url)


def test_the_body_of_a_redirect_is_not_read(read, monkeypatch):
    monkeypatch.setattr(download, "MOST_SECONDS", 5.0)
    endless = b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 99\r\n\r\n"
    with Trickling(endless) as server:
        with pytest.raises(UnusableWeeklyFile, match="redirects to another host"):
            read(f"http://127.0.0.1:{server.port}/weekly.json")
        assert server.connections == 1


def test_a_signature_in_a_redirect_stays_hidden(center, read):
    center.redirect = f"{center.file_url}?sig=secret"
    center.name = "another.json"
    with pytest.raises(UnusableWeeklyFile, match="answers HTTP 404") as raised:
        read(center.url)
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    "link",
    [
        FILE.replace("https:", "http:"),
        FILE.replace("download.microsoft.com", "download.microsoft.com.example"),
        FILE.replace("download.microsoft.com", "evildownload.microsoft.com"),
        FILE.replace("download.microsoft.com", "download.evilmicrosoft.com"),
        FILE.replace("download.microsoft.com", "download.microsoft.com@example.org"),
        FILE.replace("download.microsoft.com", "download.microsoft.com:444"),
        "//example.org/ServiceTags_Public_20251103.json",
    ],
)
def test_any_other_link_is_refused(link):
    with pytest.raises(UnusableWeeklyFile, match="it was not followed"):
        link_on(f'<a href="{link}">', PAGE, "AzureCloud")
