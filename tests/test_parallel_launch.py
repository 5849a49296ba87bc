"""Starting ranks and ending them: from the command line, from a function, from a notebook's cell."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from mistral_edu import generate, load
from mistral_edu.bench.results import check, measured_result
from mistral_edu.commands.main import main
from mistral_edu.parallel import cells, load_sharded
from mistral_edu.parallel.hosts import place_ranks
from mistral_edu.parallel.model import without_sums
from mistral_edu.parallel.shipping import dumps
from mistral_edu.parallel.verdict import GroupFailed

import mlx.core as mx
import mlx.nn as nn
import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")]

STORY = "Tell me a story about a red ball."
STARTED = 120  # seconds that ranks may take to be there, on a busy machine
ENDED = 25     # seconds after which all are gone, on a busy machine; a deadlock would be found after 60


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start `mistral-edu launch ...`, whose temporary files lie in tmp_path / "files". Ended after the test."""
    files, started = tmp_path / "files", []
    files.mkdir()

    def call(*words, **settings):
        command = [sys.executable, "-m", "mistral_edu", "launch", *words]
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        started.append(subprocess.Popen(command, env={**os.environ, "TMPDIR": str(files)}, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **settings))
        return started[-1]

    call.files = files
    yield call
    for process in started:
        process.kill()
        process.communicate()


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(what):
    """The first value of what() that is true."""
    until = time.monotonic() + STARTED
    while not (found := what()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)
    return found


def ports(files):
    """The ports of the ranks, from their hostfile."""
    for file in files.glob("*/hosts.json"):
        return [int(host[0].rpartition(":")[2]) for host in json.loads(file.read_text())]


def chat_that_waits(start):
    """(launcher, pids of its two ranks, their ports): they have answered once, and wait for another question."""
    launcher = start("-n", "2", "chat", "--max-tokens", "3", stdin=subprocess.PIPE)
    launcher.stdin.write("Hello!\n")
    launcher.stdin.flush()
    assert launcher.stdout.readline().strip()
    return launcher, children(launcher.pid), ports(start.files)


def assert_nothing_is_left(start, ranks, their_ports):
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks)
    assert list(start.files.iterdir()) == []
    for port in their_ports:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))


def test_bench_measures_groups_in_turn_and_counts_what_the_formula_says(start, tmp_path, capsys):
    place = tmp_path / "result.json"
    launcher = start("-n", "1,2", "bench", "--bits", "16", "--context", "16", "--max-tokens", "4", "--repeats", "2",
                     "--save", str(place))
    said, trouble = launcher.communicate(timeout=2 * STARTED)
    result = measured_result(place, ("ranks",))
    check(result)
    one, two = result["rows"]
    assert (one["ranks"], two["ranks"]) == (1, 2), trouble
    assert (one["bytes_counted"], one["bytes_by_formula"], one["token_sums_ms"]) == (0, 0, None)
    assert two["bytes_counted"] == two["bytes_by_formula"] == 8192
    assert one["logprobs_apart"] == 0 < two["logprobs_apart"] < 0.2  # nats; bfloat16, summed in another order
    assert two["weights_mb"] < 0.6 * one["weights_mb"]
    assert all(len(row["token_ms"]["samples"]) == 2 for row in result["rows"])
    assert main(["bench", "--show", str(place)]) == 0
    assert capsys.readouterr().out == said and "8,192" in said
    assert result["command"].startswith("mistral-edu launch -n 1,2 bench tiny --bits 16 --context 16")


def test_without_sums_a_part_has_the_same_weights_and_asks_nobody():
    group = mx.distributed.init()
    model, _ = load_sharded("tiny", group, bits=4)
    apart, ids = without_sums(model), mx.array([[1, 3, 500, 4]])
    assert mx.array_equal(apart(ids), model(ids)).item()  # a group of one: there is nothing to add
    assert {type(layer) for layer in apart.layers[0].mlp.children().values()} == {nn.QuantizedLinear}
    assert apart.layers[0].mlp.down_proj.scales is model.layers[0].mlp.down_proj.scales


def test_the_answer_is_printed_once_with_speed_and_bytes(start):
    launcher = start("-n", "2", "generate", STORY, "--max-tokens", "8", "--dtype", "float32")
    out, err = launcher.communicate(timeout=STARTED)
    model, tokenizer = load(dtype="float32", fast=False)
    assert out == generate(model, tokenizer, STORY, max_tokens=8) + "\n"
    assert "8 written at" in err and "2 ranks" in err and "16,384 bytes per token" in err
    assert launcher.returncode == 0 and list(start.files.iterdir()) == []


def test_chance_is_the_same_for_all_ranks_where_nobody_chose_a_seed(start):
    launcher = start("-n", "2", "chat", "--temperature", "5", "--max-tokens", "6", stdin=subprocess.PIPE)
    out, err = launcher.communicate("Hello!\nWho are you?\n", timeout=STARTED)
    assert (launcher.returncode, out.count("\n")) == (0, 2), err


def test_what_goes_wrong_on_all_ranks_is_said_once(start):
    launcher = start("-n", "2", "generate", "Hello!", "--model", "nowhere")
    out, err = launcher.communicate(timeout=STARTED)
    assert (launcher.returncode, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("mistral-edu generate: there is no folder nowhere")


def test_a_rank_that_is_killed_ends_the_others_and_is_named(start):
    launcher, ranks, their_ports = chat_that_waits(start)
    began = time.monotonic()
    os.kill(ranks[1], signal.SIGKILL)
    err = launcher.communicate(timeout=STARTED)[1]
    assert time.monotonic() - began < ENDED
    assert launcher.returncode == 1 and "mistral-edu launch: rank 1 was ended by SIGKILL" in err
    assert_nothing_is_left(start, ranks, their_ports)


@pytest.mark.parametrize("by, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_kill_end_all_ranks(start, by, code):
    launcher, ranks, their_ports = chat_that_waits(start)
    launcher.send_signal(by)
    launcher.communicate(timeout=ENDED)
    assert launcher.returncode == code
    assert_nothing_is_left(start, ranks, their_ports)


def test_ranks_end_where_their_launcher_is_gone(start):
    launcher, ranks, _ = chat_that_waits(start)
    launcher.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in ranks))


def fail_on_rank_1(group):
    if group.rank() == 1:
        raise ValueError("not here")
    mx.eval(mx.distributed.all_sum(mx.ones(3), group=group))


def wait_in_vain(group):
    if group.rank() == 0:
        mx.eval(mx.distributed.all_sum(mx.ones(3), group=group))  # the call that rank 1 leaves out
    time.sleep(1000)


def end_early(group):
    if group.rank() == 0:
        mx.eval(mx.distributed.all_sum(mx.ones(3), group=group))  # the same, and rank 1 does not stay


def compute(group, seconds):
    until = time.monotonic() + seconds
    x = mx.random.normal((600, 600))
    while time.monotonic() < until:  # many products in one evaluation: the line stays the same, and nothing is sent
        mx.eval([x @ x.T for _ in range(30)])
    return "done"


def test_an_error_on_one_rank_is_named_with_its_last_words_and_its_line():
    with pytest.raises(GroupFailed, match="rank 1 ended with code 1; its last words: ValueError: not here") as caught:
        cells.ranks(2, fail_on_rank_1, show=False)
    assert caught.value.rank == 1
    assert re.search(r"not here, in test_parallel_launch.py, line \d+, in fail_on_rank_1: raise ValueError",
                     str(caught.value))


@pytest.mark.parametrize("source", ["fail_on_rank_1", "fail_on_rank_1(group)"])
def test_a_function_in_quotes_is_told_to_be_passed_without(source):
    with pytest.raises(GroupFailed, match="name 'fail_on_rank_1' is not defined; a string is source, .*without quotes"):
        cells.ranks(1, source, show=False)


def test_a_lambda_is_refused_before_any_rank_starts():
    with pytest.raises(ValueError, match="a lambda has no name .* write it with def"):
        cells.ranks(2, lambda group: group.rank(), show=False)


def test_a_deadlock_is_named_with_the_line_in_which_each_rank_was():
    with pytest.raises(GroupFailed) as caught:
        cells.ranks(2, wait_in_vain, show=False, limit=3)
    message = str(caught.value)
    assert "nothing has moved for 3 s" in message
    assert "rank 0 was in test_parallel_launch.py, line" in message and "the call that rank 1 leaves out" in message
    assert "rank 1 was in" in message and "time.sleep(1000)" in message


def test_a_rank_that_waits_for_one_that_has_ended_is_named():
    with pytest.raises(GroupFailed,
                       match="rank 0 ended while it waited in .* for rank 1, which had finished") as caught:
        cells.ranks(2, end_early, show=False, limit=20)
    assert "rank 1 does not stay" in str(caught.value)


def test_ranks_that_compute_for_long_are_left_alone():
    assert cells.ranks(2, compute, 5, show=False, limit=3) == ["done", "done"]


def test_one_rank_is_a_group_and_source_gives_the_value_of_its_last_line():
    shown = []
    assert cells.ranks(1, "print('I am', rank)\nsize + 1", show=shown.append) == [2]
    assert shown[-1] == "rank 0: I am 0"


@pytest.mark.parametrize("words, message", [
    ((), "got nothing"), (("train",), "got 'train'"), (("-n", "0", "chat"), "at least 1 rank"),
    (("--hostfile", "no.json", "chat"), "no.json"),
    (("chat", "--api", "http://localhost"), "--api"), (("-n", "2", "bench", "--compare", "mlx-lm"), "--compare"),
    (("-n", "1,2", "chat"), "got -n 1,2")])
def test_a_command_that_cannot_be_launched_is_refused_in_words(start, words, message):
    launcher = start(*words)
    err = launcher.communicate(timeout=STARTED)[1]
    assert launcher.returncode in (1, 2) and message in err and err.count("\n") == 1


def test_hosts_get_ports_threads_and_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr("mistral_edu.parallel.hosts.processors", lambda: 8)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    here = place_ranks(4)
    assert {env["OMP_NUM_THREADS"] for env in here.environments} == {"2"}
    assert len(set(json.loads(here.hostfile)[n][0] for n in range(4))) == 4
    file = tmp_path / "hosts.json"
    file.write_text(json.dumps([{"ssh": "mac1", "ips": ["10.0.0.1"]}, {"ssh": "mac2", "ips": ["10.0.0.2"]}]))
    two = json.loads(place_ranks(hostfile=file).hostfile)
    assert [address[0].split(":")[0] for address in two] == ["10.0.0.1", "10.0.0.2"]
    gpus = place_ranks(2, backend="nccl").environments
    assert [env["CUDA_VISIBLE_DEVICES"] for env in gpus] == ["0", "1"] and gpus[0]["NCCL_PORT"] == gpus[1]["NCCL_PORT"]
    with pytest.raises(ValueError, match="leave -n out"):
        place_ranks(3, file)


def test_what_cannot_be_sent_to_another_process_is_said():
    with open(os.devnull) as opened, pytest.raises(ValueError, match="cannot be sent"):
        dumps(opened)


# A notebook: its kernel answers cells, and is interrupted by Stop.

CELL = """
import mistral_edu, asyncio
import mlx.core as mx
from mistral_edu.parallel import ranks
SCALE = 10
def scaled(x):
    return SCALE * x
def work(group, more):
    print("rank", group.rank(), "is here")
    mine = mx.array([group.rank() + 1.0])
    return scaled(mx.distributed.all_sum(mine, group=group).item()) + more
print(ranks(2, work, 1))
"""
CALLBACK = """
done = []
def callback():                                   # as a widget's, while no cell runs
    try:
        done.append(ranks(2, "import time; time.sleep(1000)", show=lambda text: None))
    except Exception as error:
        done.append(type(error).__name__)
_ = asyncio.get_running_loop().call_later(0.5, callback)
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--InlineBackend.figure_format=png"])
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code, between=lambda: None):
    """(the texts that a cell shows, the name of its error or None). between() is called once it runs.

    A kernel whose cell was just stopped turns away what comes in the same moment, without an error: it is sent again.
    """
    texts, error, runs, message_id = [], None, False, client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=STARTED)
        if message["parent_header"].get("msg_id") != message_id:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "execute_input":
            runs = True
            between()
        if kind == "stream":
            texts.append(content["text"])
        if kind in ("display_data", "update_display_data"):
            texts.append(content["data"]["text/plain"])
        if kind == "error":
            error = content["ename"]
        if kind == "status" and content["execution_state"] == "idle":
            if runs:
                return texts, error
            message_id = client.execute(code)


def ranks_of(manager):
    return [pid for pid in children(manager.provisioner.process.pid) if "rank.main" in words_of(pid)]


def words_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_cell_starts_ranks_with_what_the_notebook_has_defined(kernel):
    texts, error = run(kernel[1], CELL)
    assert error is None and "[31.0, 31.0]" in texts[-1]
    assert "rank 0: rank 0 is here\nrank 1: rank 1 is here" in texts


def test_stop_ends_the_ranks_of_a_cell(kernel):
    manager, client = kernel
    client.execute("ranks(2, 'import time; time.sleep(1000)')")
    wait_for(lambda: len(ranks_of(manager)) == 2)
    manager.interrupt_kernel()
    wait_for(lambda: not ranks_of(manager))
    reply = client.get_shell_msg(timeout=STARTED)
    while reply["content"]["status"] == "ok":
        reply = client.get_shell_msg(timeout=STARTED)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_stop_ends_the_ranks_of_a_callback_and_the_kernel_lives_on(kernel):
    manager, client = kernel
    run(client, "import mistral_edu, asyncio; from mistral_edu.parallel import ranks")
    assert run(client, CALLBACK)[1] is None
    wait_for(lambda: len(ranks_of(manager)) == 2)
    manager.interrupt_kernel()
    wait_for(lambda: not ranks_of(manager))
    assert run(client, "print(done)")[0] == ["['Stopped']\n"]
