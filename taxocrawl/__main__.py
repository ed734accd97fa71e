"""`python -m taxocrawl`."""

from taxocrawl.cli.main import main

if __name__ == "__main__":
    main()
