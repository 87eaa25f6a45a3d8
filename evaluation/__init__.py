"""Question sets, metrics and runs: how good are retrieval and answers?"""
