"""A study, from a clone of the repository: conditions with paired seeds, and what differs between them.

    plan      what is compared with what
    run       training it, resumably
    values    what a run is remembered by
    report    means, paired differences with intervals, tables

``python -m study --conditions cmgsd-4,infonce --seeds 3``
"""
