"""What a block of settings needs of the rest of the study: networks that can be shown images, retained sets."""

from __future__ import annotations

from collections.abc import Iterable

from isoprune.errors import ConfigError


def lacking_models(
    block: str, asked: Iterable[str] | None, models: tuple[str, ...], *, expected: str, purpose: str
) -> list[ConfigError]:
    """Say which networks of a block cannot be shown images, and whether none of the study can.

    Parameters
    ----------
    block : str
        Name of the block.
    asked : iterable of str or None
        Networks that the block names, if it does.
    models : tuple of str
        Networks with a `model`.
    expected, purpose : str
        Which networks are wanted, and what they have to be able to do.
    """
    remedy = "Name networks with a `model`, or leave `networks` out."
    problems = [
        ConfigError(f"{block}.networks", f"'{network}' has no `model`", expected, remedy)
        for network in sorted(set(asked or ()) - set(models))
    ]
    if not models:
        found = f"no network has a `model`, so that none can {purpose}"
        remedy = "Add a network with a `model`, or remove the block."
        problems.append(ConfigError(block, found, "at least one", remedy))
    return problems


def lacking_sets(
    block: str, needed: Iterable[str], supervision: tuple[str, ...], *, expected: str, otherwise: str = ""
) -> list[ConfigError]:
    """Say which supervisions, whose retained sets a block needs, the study does not have.

    Parameters
    ----------
    block : str
        Name of the block.
    needed, supervision : iterable of str
        What the block needs, and what the study has.
    expected : str
        What the sets are wanted for.
    otherwise : str
        What else can be done about it, if anything.
    """
    return [
        ConfigError(
            block,
            f"no retained sets of the supervision `{one}` are computed",
            expected,
            f"Add `{one}` to `supervision`{otherwise}.",
        )
        for one in needed
        if one not in supervision
    ]
