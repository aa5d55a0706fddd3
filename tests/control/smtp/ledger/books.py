# SPDX-License-Identifier: BSD-3-Clause
"""The ledger's books, closed when all is sent: for each recipient of each message, what its client was told
against what the farm has."""

OUR_FIELDS = (b"Received:", (b"Authentication-Results:", b"DKIM-Signature:"))


def without_our_fields(text):
    for name in OUR_FIELDS:
        assert text.startswith(name), text[:200]
        end = text.find(b"\r\n")
        while text[end + 2 : end + 3] in (b" ", b"\t"):
            end = text.find(b"\r\n", end + 2)
        text = text[end + 2 :]
    return text


def close_the_books(messages, stored):
    """stored: number of the message -> [(recipients, text)]. What is wrong, one line each."""
    wrong = []
    for message in messages:
        kept = [(recipients, without_our_fields(text)) for recipients, text in stored.get(message.number, [])]
        name = f"{message.sender} ({message.outcomes}, {[r for r, _ in kept]} stored)"
        if any(text != message.text for _, text in kept):
            wrong.append(f"{name}: altered")
        if any(set(recipients) - set(message.recipients) for recipients, _ in kept):
            wrong.append(f"{name}: for somebody else")
        lost = message.lost_answers + (message.fault.step == "after")
        for recipient in message.recipients:
            outcome = message.outcomes.get(recipient)
            copies = sum(recipients.count(recipient) for recipients, _ in kept)
            if outcome == "taken" and not copies:
                wrong.append(f"{name}: acknowledged and not there")
            if outcome is None:
                wrong.append(f"{name}: given up")
            if copies > 1 + lost:
                wrong.append(f"{name}: more than once, and only {lost} acknowledgements were lost")
            if outcome == "refused" and (copies or not message.fault.refuses()):
                wrong.append(f"{name}: refused for good without a reason: {message.last_reply}")
        # The farm refuses once; whom something kept from hearing it has the next attempt taken.
        if message.fault.refuses() and not message.broken_off and "refused" not in message.outcomes.values():
            wrong.append(f"{name}: the farm refused it for good, and nobody was told")
        if any(not 400 <= code < 500 for code in message.after_silence):
            wrong.append(f"{name}: the farm said nothing, and the answer was {message.after_silence}")
        differed = message.fault.step == "rcpt" and message.fault.kind in ("4xx", "5xx")
        if any(not 400 <= code < 500 and (differed or code != 250) for code in message.after_replay):
            wrong.append(f"{name}: a backend thought otherwise, and the answer was {message.after_replay}")
    return wrong
