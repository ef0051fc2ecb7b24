"""Two answers are one computation: equal, or parted where rounding decides.

Steps of other sizes multiply other shapes, and sums of other orders round otherwise; what random weights say is often a tie. So equal texts may not be
asked for, but that they part only between tokens that are equally likely, and with the same likelihoods until then."""

ROUNDING = 0.01  # of a natural logarithm; steps of other sizes were measured to move likelihoods by less than a tenth of it


def chances(choice):
    """Of a choice of /v1/completions or /v1/chat/completions with log probabilities: for each token its text, its own, and those of the likeliest."""
    told = choice["logprobs"]
    if "content" in told:
        return [(one["token"], one["logprob"], {other["token"]: other["logprob"] for other in one["top_logprobs"]}) for one in told["content"]]
    return list(zip(told["tokens"], told["token_logprobs"], told["top_logprobs"]))


def parting(text, expected):
    """Why text is not what was computed for expected (chances of each token), or None when it is, but for rounding."""
    whole, written = "".join(token for token, *_ in expected), ""
    if text == whole:
        return None
    for token, chosen, others in expected:
        near = [written + other for other, logprob in others.items() if other != token and chosen - logprob < ROUNDING]
        if near and (text == written or any(text.startswith(other) and not whole.startswith(other) for other in near)):
            return None  # one may stop where the other goes on; what comes after stands for itself
        if not text.startswith(written + token):
            return f"{text[len(written):][:20]!r} stands where {token!r} was said, of {others}"
        written += token
    return None if text == written else f"{text[len(written):][:20]!r} goes on after {written[-20:]!r}"
