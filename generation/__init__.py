"""Passages become an answer: extraction, prompting, language models, citations."""
