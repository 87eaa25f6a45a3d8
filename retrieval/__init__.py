"""A query becomes passages: embedding, index, fusion, retriever."""
