"""Start the agent's command line; also the entry of the zipapp.  It holds nothing else."""

import sys

from oakum.agent.main import main

if __name__ == "__main__":
    sys.exit(main())
