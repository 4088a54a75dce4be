"""Parts of judging by a language model: prompts, votes, the record of every reply, agreement of judges."""
