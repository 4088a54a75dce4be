"""The Votes panel under the answers: the same question several times, and what the answers say together."""
