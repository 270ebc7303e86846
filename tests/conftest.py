"""What all tests share."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; tests that need it skip, saying so, where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"real data are not here: {DATA} is not a folder")
    return DATA.resolve()
