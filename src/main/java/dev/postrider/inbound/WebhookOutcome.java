package dev.postrider.inbound;

import dev.postrider.api.Problem;
import java.util.Optional;

/**
 * What became of a webhook, as its receipt says.
 *
 * @param status the HTTP status that says it to the provider
 * @param verdict the receipt's verdict
 * @param reason why it was rejected or ignored; empty otherwise
 * @param receiptId the receipt; empty when there is none
 * @param challenge what the provider wants to hear to know that the address is ours, if it asked for that
 */
record WebhookOutcome(int status, String verdict, String reason, String receiptId, Optional<String> challenge) {

    /** The answer to a provider that asked whether the address is ours before it sends anything. */
    static WebhookOutcome challenge(String challenge) {
        return new WebhookOutcome(200, "ignored", "", "", Optional.of(challenge));
    }

    /** The answer to a request that is refused, and leaves no receipt. */
    static WebhookOutcome refused(int status, String verdict, String reason) {
        return new WebhookOutcome(status, verdict, reason, "", Optional.empty());
    }

    /** Both values are words and ids that need no escaping. */
    String toJson() {
        return "{\"verdict\":\"%s\",\"receiptId\":\"%s\"}".formatted(verdict, receiptId);
    }

    Problem problem() {
        return receiptId.isEmpty()
                ? Problem.of(status, reason)
                : Problem.of(status, "The webhook is refused: %s. Its receipt is %s.".formatted(reason, receiptId));
    }
}
