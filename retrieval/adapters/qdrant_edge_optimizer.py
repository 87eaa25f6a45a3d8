"""Optimizes one shard that nobody else has open: `python -m retrieval.adapters.qdrant_edge_optimizer DIR`."""

import os
import sys

import qdrant_edge as edge


def main(path: str) -> None:
    os.nice(10)  # searches in the parent come first
    shard = edge.EdgeShard.load(path)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main(sys.argv[1])
