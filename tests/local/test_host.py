"""The local host does as the real one."""


def test_the_host_says_what_it_has_used_itself(host):
    before = host.request("GET", "/local/cpu").json()["seconds"]
    for _ in range(20):
        host.request("GET", "/admin/host/status").raise_for_status()
    assert 0 < before < host.request("GET", "/local/cpu").json()["seconds"]
    anyone = {"x-functions-key": host.key}
    assert host.request("GET", "/local/cpu", headers=anyone).status_code == 401
