"""`python -m cortex_engine …`."""

from cortex_engine.cli import main

if __name__ == "__main__":
    main()
