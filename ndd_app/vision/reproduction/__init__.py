"""The paper's tables and figures, for anyone with the data: `python -m ndd_app.vision.reproduction`, without Django.

photos: what is read and how it is split. runs: which rows there are, by profile. measuring: one run, from training to
figures. reproduce: all runs, each kept in a file and never run twice. tables, strips: what comes out.
"""
