"""`python -m autograder.cli`, where the console script is not installed."""

import sys

from autograder.interpreter import ROOT, restart_isolated

if __name__ == "__main__":
    restart_isolated("autograder.cli", __file__)
    if ROOT not in sys.path:
        sys.path.append(ROOT)
    from autograder.cli.main import main

    main()
