"""The study, from a clone of the repository: does the meaning of the margin help?

    plan         what is asked, of which data, compared by which rule; written before it is run
    held_out     ids of the training videos held out for choosing and for confirming
    benches      the data with these videos held out
    losses       from a row of the plan to a loss
    runs         the runs that the plan asks for, stage by stage
    choice       the rule of choice
    run          training them, resumably
    values       what a run is remembered by, and ``store``, where that is packed
    statistics   whether intervals hold what they say
    quality      what each teacher knows
    summary      from finished runs to everything that is reported

``python -m study plan`` says what it costs, ``python -m study run --minutes 60`` goes on with it.
"""
