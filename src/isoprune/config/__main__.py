"""``python -m isoprune.config`` writes the reference page and the editor schema anew."""

from isoprune.config.reference import main

if __name__ == "__main__":
    raise SystemExit(main())
