"""`python -m autograder.cli`, where the console script is not installed."""

from autograder.cli.main import main

if __name__ == "__main__":
    main()
