"""tau: what it counts, by hand on a toy, which components are free, and how well classifiers know what they know."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from task_parts import DIGITS, batch
from torch import Tensor

from acc_assets.datasets import Augmentation
from acc_assets.models import ConvLayers, MixtureVAE
from acc_assets.tasks import HeadClassifierTask, StepView, TauTask
from acc_assets.tasks.calibration import reliability


def counted(task: TauTask, logits: Tensor, targets: Tensor, labelled: Tensor | None = None) -> Any:
    """A head of three components and the 10 digits after one step."""
    share = 1.0 if labelled is None else float(labelled.float().mean())
    net = torch.nn.Identity()
    net.components = 3  # type: ignore[assignment]
    head = task.build_head(net, None)
    view = StepView(
        {"component_logits": logits},
        batch(targets=targets, labelled=labelled, labelled_share=share),
        head,
        net,
        0,
    )
    before = task.loss(view)
    task.after_step(view)
    return head, view, before


def test_tau_by_hand() -> None:
    """Three images: the first all in component 0, the second half in 0 and half in 1, the third hidden."""
    task = TauTask("t", DIGITS, smoothing=0.5, decay=0.9)
    logits = torch.tensor([[200.0, 0, 0], [100.0, 100.0, 0], [0, 0, 200.0]])
    labelled = torch.tensor([True, True, False])
    head, view, before = counted(task, logits, torch.tensor([3, 7, 5]), labelled)
    assert float(before.value) == pytest.approx(math.log(10), rel=1e-3)  # nothing is counted yet
    expected = torch.zeros(3, 10)
    expected[0, 3], expected[0, 7], expected[1, 7] = 1.0, 0.5, 0.5
    torch.testing.assert_close(head.counts, expected)
    tau = (expected + 0.5) / (expected + 0.5).sum(1, keepdim=True)
    torch.testing.assert_close(head.tau(), tau)
    classes = logits.softmax(1) @ tau
    torch.testing.assert_close(head.log_classes(logits.softmax(1)).exp(), classes)
    loss = task.loss(view)
    assert float(loss.value) == pytest.approx(-float(classes[0, 3].log() + classes[1, 7].log()) / 2)
    assert task.predict(view.outputs, head).tolist() == [3, 7, 0]
    certain = [float(tau[0, 3]), 0.5 * float(tau[0, 3]), 0.1]
    assert head.ood(logits.softmax(1)).tolist() == pytest.approx([1 - one for one in certain])
    task.after_step(view)
    torch.testing.assert_close(head.counts, expected * 0.9**2 + expected)  # what came first fades
    assert head.free().tolist() == [False, False, True]
    assert float(head.coverage()) == pytest.approx(0.2)


def test_anchors_let_components_take_sides_and_fade() -> None:
    task = TauTask("t", DIGITS, anchor=10.0, decay=0.5)
    logits = torch.zeros(2, 3, requires_grad=True)
    head, _, before = counted(task, logits, torch.tensor([1, 1]))
    before.value.backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] < 0).all()  # to component 1, at the first step
    expected = 10.0 * 0.5**2 * torch.eye(3, 10)
    expected[:, 1] += 2 / 3
    torch.testing.assert_close(head.counts, expected)


def test_the_hidden_label_of_an_image_changes_nothing() -> None:
    task, logits = TauTask("t", DIGITS), torch.randn(4, 3)
    labelled, found = torch.tensor([True, False, True, False]), []
    for hidden in (0, 9):
        targets = torch.tensor([3, hidden, 5, hidden])
        head, view, _ = counted(task, logits, targets, labelled)
        evaluator = task.evaluator()
        evaluator.update(view)
        found.append([head.counts, task.loss(view).value, evaluator.compute()])
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


def test_components_that_no_label_or_no_image_reaches_are_free() -> None:
    """With a smoothing of 1 and 10 classes max tau is at least 0.1, so that a bound of 0.05 on it never fires."""
    task = TauTask("t", DIGITS, smoothing=1.0)
    logits = torch.tensor([[200.0, 0, 0]]).expand(8, -1)
    head, view, _ = counted(task, logits, torch.full((8,), 2))
    assert head.tau().amax(1).min() == pytest.approx(0.1)
    assert head.free().tolist() == [False, True, True]
    head.usage[0] = 1e-4
    assert head.free().all()
    assert float(task.loss(view).diagnostics["free"]) == 3.0


def test_tau_has_no_gradient_and_several_components_share_a_class() -> None:
    task = TauTask("t", DIGITS)
    logits = torch.tensor([[200.0, 0, 0], [0, 200.0, 0], [0, 0, 200.0]], requires_grad=True)
    head, view, _ = counted(task, logits.detach(), torch.tensor([4, 4, 6]))
    assert head.tau().argmax(1).tolist() == [4, 4, 6]
    assert not list(head.parameters())
    task.loss(StepView({"component_logits": logits}, view.batch, head, view.model, 1)).value.backward()
    assert torch.isfinite(logits.grad).all()


def test_classifiers_tell_calibration_and_accuracy_by_class() -> None:
    confidence = np.array([0.95, 0.95, 0.65, 0.65, 0.65])
    found = reliability(confidence, np.array([True, True, True, False, False]), bins=10)
    assert found.ece == pytest.approx((2 * 0.05 + 3 * (0.65 - 1 / 3)) / 5)
    assert found.counts[[6, 9]].tolist() == [3, 2]
    task = HeadClassifierTask("h", DIGITS, hidden=(6, 5), augment=Augmentation(shift_px=1.0))
    torch.manual_seed(0)
    net = MixtureVAE(image_size=16, z_dim=3, components=4, encoder=ConvLayers(channels=(4,))).build().eval()
    head = task.build_head(net, None)
    images, targets = torch.rand(6, 1, 16, 16), torch.tensor([0, 0, 1, 1, 2, 2])
    view = StepView(net(images), batch(images, targets=targets), head, net, 0)
    loss = task.loss(view)
    assert loss != task.loss(view)  # another distortion
    loss.backward()
    assert net.posterior.weight.grad.abs().sum() > 0
    evaluator = task.evaluator()
    evaluator.update(view)
    told = evaluator.compute()
    assert set(told) == {"loss", "accuracy", "ece", "accuracy_0", "accuracy_1", "accuracy_2"}
    assert told["accuracy"] == pytest.approx(np.mean([told[f"accuracy_{label}"] for label in range(3)]))
