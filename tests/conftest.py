"""What all tests share."""

import gc
from pathlib import Path

import pytest
from hypothesis import Phase, settings

DATA = Path(__file__).parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; tests that need it skip, saying so, where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"real data are not here: {DATA} is not a folder")
    return DATA.resolve()


def pytest_collection_finish() -> None:
    """Collecting garbage, which nilearn does at each reading of an image, passes by what libraries and tests are."""
    gc.freeze()


# Properties are tried on the same examples at each run, so that a commit passes or fails by itself. `full` tries
# twenty times as many, other ones at each run; `first-failure` is for programs that only ask whether there is one.
SUITE = settings(max_examples=100, derandomize=True, deadline=None)
settings.register_profile("suite", SUITE)
settings.register_profile("full", max_examples=2000, deadline=None, print_blob=True)
settings.register_profile("first-failure", SUITE, phases=[Phase.explicit, Phase.generate])
settings.load_profile("suite")
