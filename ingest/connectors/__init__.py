"""Connectors keep a collection in step with an outside place: a folder, repository, bucket or website."""
