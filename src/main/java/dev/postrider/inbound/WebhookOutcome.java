package dev.postrider.inbound;

import dev.postrider.api.Problem;

/**
 * What became of a webhook, as its receipt says.
 *
 * @param status the HTTP status that says it to the provider
 * @param verdict the receipt's verdict
 * @param reason why it was rejected or ignored; empty otherwise
 * @param receiptId the receipt
 */
record WebhookOutcome(int status, String verdict, String reason, String receiptId) {

    /** Both values are words and ids that need no escaping. */
    String toJson() {
        return "{\"verdict\":\"%s\",\"receiptId\":\"%s\"}".formatted(verdict, receiptId);
    }

    Problem problem() {
        return Problem.of(status, "The webhook is refused: %s. Its receipt is %s.".formatted(reason, receiptId));
    }
}
