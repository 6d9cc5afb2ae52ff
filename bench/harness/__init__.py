"""The harness of the benchmarks: what a row is, how rows are measured, compared with a baseline, and written down.

    row       sides, goals, samples: the words of all the rest, without effects
    measure   runs the sides of a row in turn
    lab       the programs under test, and where they come from
    server    expool-rpc: as a filter, and as a partner of a conversation
    machine   what it all ran on
    report    samples into Markdown
    baseline  ratios against those of earlier

All of it imports the standard library only.
"""
