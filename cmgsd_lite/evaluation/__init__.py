"""Arrays in, numbers out: metrics, relevance, agreement of distances with the truth, intervals."""
