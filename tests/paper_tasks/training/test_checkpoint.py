import torch
from fastai.optimizer import Adam

from paper_tasks.training import checkpoint


def stepped(steps, seed=0):
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    optimizer = Adam(list(model.parameters()), lr=0.1)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


def step(model, optimizer):
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_a_restored_optimizer_continues_as_the_old_one(tmp_path):
    model, optimizer = stepped(3)
    checkpoint.save(tmp_path / "c", model, optimizer, {"progress": 3})
    other, other_optimizer = stepped(1, seed=1)
    checkpoint.load_model(tmp_path / "c", other)
    checkpoint.load_optimizer(tmp_path / "c", other_optimizer)
    step(model, optimizer)
    step(other, other_optimizer)
    torch.testing.assert_close(other.weight, model.weight, rtol=0, atol=0)
    assert checkpoint.load_state(tmp_path / "c")["progress"] == 3


def test_a_restored_optimizer_continues_where_the_model_trains(tmp_path):
    """Such as on a GPU; here torch's device without memory."""
    model, optimizer = stepped(3)
    checkpoint.save(tmp_path / "c", model, optimizer, {})
    _, other_optimizer = stepped(1)
    checkpoint.load_optimizer(tmp_path / "c", other_optimizer, "meta")
    moments = [value for state in other_optimizer.state_dict()["state"] for value in state.values()]
    assert {value.device.type for value in moments if isinstance(value, torch.Tensor)} == {"meta"}


def test_a_new_checkpoint_replaces_the_old(tmp_path):
    for progress in (1, 2):
        checkpoint.save(tmp_path / "c", *stepped(progress), {"progress": progress})
    assert checkpoint.load_state(tmp_path / "c")["progress"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_kill_between_two_renames_loses_nothing(tmp_path):
    checkpoint.save(tmp_path / "c", *stepped(1), {"progress": 1})
    (tmp_path / "c").rename(tmp_path / "c.old")
    (tmp_path / "c.partial").mkdir()
    assert checkpoint.exists(tmp_path / "c")
    assert checkpoint.load_state(tmp_path / "c")["progress"] == 1


def test_a_half_written_checkpoint_does_not_exist(tmp_path):
    (tmp_path / "c.partial").mkdir()
    (tmp_path / "c.partial" / "model.safetensors").write_bytes(b"half")
    assert not checkpoint.exists(tmp_path / "c")


def test_what_is_removed_is_gone(tmp_path):
    checkpoint.save(tmp_path / "c", *stepped(1), {})
    checkpoint.remove(tmp_path / "c")
    assert not checkpoint.exists(tmp_path / "c")
