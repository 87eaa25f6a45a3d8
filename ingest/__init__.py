"""Bytes to chunks: jobs, pipeline, parsers, isolation, chunking."""
