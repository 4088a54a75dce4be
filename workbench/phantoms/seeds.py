"""Which random seeds training may draw, and which are kept for evaluation.

A seed decides a drawing up to one grey level: processors round the last bit of a float differently, so a few
pixels in a hundred thousand may differ by one. The pictures of the bundled benchmark are shipped as files
(`assets/bench/phantoms/`), so its results compare answer by answer on every machine. What is drawn when it
is needed (training, `bench grounding`, `train evaluate`) compares across machines as samples do, by its
interval.
"""

HELD_OUT_SEED = 900_000_000  # training draws seeds below this, evaluation above
