"""A small embedding and target for every unit test."""

from types import SimpleNamespace

import pytest

from examples import random_target, sparse_embedding


@pytest.fixture
def small() -> SimpleNamespace:
    """An embedding and a target of 14 images."""
    return SimpleNamespace(X=sparse_embedding(14, 60, 0), T=random_target(14, 1))
