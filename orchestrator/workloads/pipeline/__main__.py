"""`python -m orchestrator.workloads.pipeline`: what of the pipeline is useful without an experiment."""

import sys

from orchestrator.workloads.pipeline.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
