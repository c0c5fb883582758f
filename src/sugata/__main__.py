"""``python -m sugata`` is ``sugata``."""

from sugata.cli.main import main

if __name__ == "__main__":
    main()
