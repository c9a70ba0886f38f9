"""Commands ask no network unless that is what they are for, and `make lab` is heard on this machine alone."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.folders import QUICK, write_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(__file__).parent / "notebooks" / "kernel_site"
# One process for all, for each takes seconds to load; `run` starts workers of its own.
EACH = """
import json, sys
from cmgsd_lite.cli.main import main
for words in json.loads(sys.argv[1]):
    print("CODE", words[0], main(words))
"""


def guarded(folder):
    """An environment in which Python opens no connection but on this machine, and writes down who asks."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (SITE, ROOT))),
        "ASKED_NETWORK": str(folder / "asked.txt"),
        "OMP_NUM_THREADS": "1",
    }


def codes(folder, *commands):
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps(commands)],
        cwd=folder,
        env=guarded(folder),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("CODE")]
    assert len(said) == len(commands), done.stderr
    return dict(said), done.stderr


def test_no_command_asks_the_network(tmp_path):
    write_folder(tmp_path / "data")
    data, model = ["--data", "data", *QUICK], ["--checkpoint", "train/cmgsd-hardest-seed0.pt"]
    found, said = codes(
        tmp_path,
        ["info", "data", "--html", "info.html"],
        ["train", *data, "--out", "train"],
        ["run", *data, "--out", "run", "--conditions", "infonce,fixed-4", "--seeds", "1", "--jobs", "2"],
        ["evaluate", *model],
        ["search", "a man", *model, "--report", "--out", "found"],
        ["convert", "data", "fast"],
        ["teacher-quality", "--batches", "1", "--epochs", "1"],
    )
    assert found == dict.fromkeys(found, "0"), said
    assert not (tmp_path / "asked.txt").exists()


def test_extract_asks_no_network_either(tmp_path):
    pytest.importorskip("av", reason="optional: av is not installed")
    from tests.data.films import write_film

    (tmp_path / "films").mkdir()
    write_film(tmp_path / "films" / "one.mp4", 8, "mpeg4")
    found, said = codes(tmp_path, ["extract", "films", "--out", "features", "--encoders", "motion"])
    assert found == {"extract": "0"}, said
    assert not (tmp_path / "asked.txt").exists()


def test_the_one_command_that_is_for_it_is_seen_to_ask(tmp_path):
    found, said = codes(tmp_path, ["download", "msrvtt", "--out", "out"])
    assert found == {"download": "2"}
    assert "error:" in said
    assert "getaddrinfo" in (tmp_path / "asked.txt").read_text()


@pytest.fixture
def lab(tmp_path):
    """What the server of `make lab` says of itself, for a user whose own settings open the door."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.json").write_text('{"ServerApp": {"ip": "0.0.0.0"}}')
    environment = guarded(tmp_path) | {
        f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("DATA", "RUNTIME")
    }
    environment = {key: value for key, value in environment.items() if key != "JUPYTER_TOKEN"}
    environment["JUPYTER_CONFIG_DIR"] = str(tmp_path / "config")
    words = [sys.executable, "-m", "cmgsd_lite", "lab", "--", "--no-browser", "--ServerApp.port=0"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 300
        while not (files := list((tmp_path / "RUNTIME").glob("jpserver-*.json"))):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, "the server did not come"
            time.sleep(0.1)
        yield json.loads(files[0].read_text()), server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def answer(address, token=None):
    headers = {} if token is None else {"Authorization": f"token {token}"}
    for _ in range(100):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(address, headers=headers), timeout=60
            ) as found:
                return found.status, found.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:  # the file of its settings is there a moment before the server listens
            time.sleep(0.1)
    raise AssertionError("the server did not answer")


def test_make_lab_is_heard_here_alone_wants_a_token_and_asks_nobody_for_news(lab, tmp_path):
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    settings, pid = lab
    assert settings["hostname"] == "127.0.0.1"
    listening = {one.laddr.ip for one in psutil.Process(pid).net_connections() if one.status == "LISTEN"}
    assert listening
    assert listening <= {"127.0.0.1", "::1"}
    assert len(settings["token"]) >= 32
    assert settings["password"] is False
    contents = f"{settings['url']}api/contents"
    assert answer(contents)[0] == 403
    assert answer(contents, "wrong")[0] == 403
    assert answer(contents, settings["token"])[0] == 200
    status, news = answer(f"{settings['url']}lab/api/news", settings["token"])
    assert (status, json.loads(news)["news"]) == (200, [])
    status, update = answer(f"{settings['url']}lab/api/update", settings["token"])
    assert (status, json.loads(update)["notification"]) == (200, None)
    assert not (tmp_path / "asked.txt").exists()
