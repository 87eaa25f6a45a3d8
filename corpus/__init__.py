"""The nouns and their record: collections, documents, versions, chunks."""
